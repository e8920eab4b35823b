import { type State } from "./state.ts";
export interface Look {
    readonly state: State | undefined;
    readonly queue: ReadonlyArray<State>;
    /** Of a shared key. */
    readonly sharers: ReadonlyArray<State>;
    /** The names of all lists of sharers, those of earlier states and of later ones included. */
    readonly lists: ReadonlyArray<string>;
}
/** What is in the directory; without a state when there is no such key. */
export declare const look: (path: string) => Look;
/** What is in a directory, if it is there. */
export declare const names: (root: string) => ReadonlyArray<string>;
/** The tickets in the directory, the longest wait first; cheaper than a look where there are none. */
export declare const tickets: (path: string) => ReadonlyArray<State>;
/** From one state to another: true for one of all who try. */
export declare const move: (path: string, from: State, to: State) => boolean;
/** From what was seen to another state, which those share: true for one of all who try. */
export declare const advance: (path: string, { lists, state }: Pick<Look, "lists"> & {
    readonly state: State;
}, to: State, sharers: ReadonlyArray<State>) => boolean;
/** Removes a file: true for one of all who try, false when it is not there or cannot be removed. */
export declare const take: (path: string, name: string) => boolean;
/** Makes an empty file: false when there is one, or no directory to put it in, or no room. */
export declare const put: (path: string, name: string) => boolean;
/** Makes the directory of all locks if it is missing; only its user can look into it. */
export declare const open: (root: string) => void;
/**
 * Puts a key's directory there with its first state in it, by one rename from
 * where it was made; false when there is one already. An empty one, which its
 * remover has not removed yet, is replaced.
 */
export declare const create: (root: string, path: string, state: State) => boolean;
/** Removes a key's directory that is in this state, and nothing if it is in another. */
export declare const remove: (path: string, { lists, state }: Pick<Look, "lists"> & {
    readonly state: State;
}, grave: State) => boolean;
