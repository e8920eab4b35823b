/** Remembers the last answer of a function, where the same is likely to be asked again and again. */
export const rememberLast = <A, B>(f: (a: A) => B): (a: A) => B => {
  let last: { readonly a: A; readonly b: B } | undefined
  return (a) => {
    if (last?.a !== a) last = { a, b: f(a) }
    return last.b
  }
}
