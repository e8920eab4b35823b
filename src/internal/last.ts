/** Remembers the last result of a function, which is likely to be called again with the same argument. */
export const rememberLast = <A, B>(f: (a: A) => B): (a: A) => B => {
  let last: { readonly a: A; readonly b: B } | undefined
  return (a) => {
    if (last?.a !== a) last = { a, b: f(a) }
    return last.b
  }
}
