/** Remembers the last answer of a function, where the same is likely to be asked again and again. */
export const rememberLast = (f) => {
    let last;
    return (a) => {
        if (last?.a !== a)
            last = { a, b: f(a) };
        return last.b;
    };
};
