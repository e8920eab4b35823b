export interface Place {
    vacant: boolean;
}
export interface KeyMap<A extends Place> {
    /** The place of a key, vacant or not. It stays until the end of the turn. */
    readonly find: (key: string) => A | undefined;
    /** The place of a key if it is occupied. */
    readonly get: (key: string) => A | undefined;
    /** The place that has been found for the key, or a new one, occupied from now on. */
    readonly occupy: (key: string, found: A | undefined) => A;
    readonly vacate: (place: A) => void;
    readonly values: () => ReadonlyArray<A>;
    /** How many places are occupied. */
    readonly size: () => number;
}
/** `soon` runs a task in the next turn. */
export declare const make: <A extends Place>(makePlace: (key: string) => A, soon: (task: () => void) => void) => KeyMap<A>;
