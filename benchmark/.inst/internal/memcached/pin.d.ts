/** Which of several servers a lock lives on. */
/**
 * The server of a key: the one with the highest hash of both names. It does not
 * depend on the order of the list, and a server that joins or leaves moves no
 * other keys than its own.
 */
export declare const pin: <S extends {
    readonly name: string;
}>(servers: ReadonlyArray<S>, key: string) => S;
