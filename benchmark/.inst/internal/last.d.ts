/** Remembers the last answer of a function, where the same is likely to be asked again and again. */
export declare const rememberLast: <A, B>(f: (a: A) => B) => (a: A) => B;
