type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** `typeOf(value).is<Expected>()` compiles only if the value's type is exactly `Expected`. */
export declare const typeOf: <Actual>(value: Actual) => {
  readonly is: <Expected>(...not: Same<Expected, Actual> extends true ? [] : [never, Actual]) => void
}
