import type { Share } from "../../LockStore.ts";
import * as State from "./state.ts";
export declare const isList: (name: string) => boolean;
/** Of a shared state. */
export declare const listName: ({ token }: State.State) => string;
export declare const print: (sharers: ReadonlyArray<State.State>) => string;
/** A host that stops may leave a list empty: then nobody is there any more. */
export declare const parse: (text: string) => ReadonlyArray<State.State>;
/** The state of those who share a key. */
export declare const stateOf: (sharers: ReadonlyArray<State.State>, fence: number, at: number) => State.State;
/** Whether one who wants to share, or wants the key alone, has a place beside those. */
export declare const fits: (share: Share | undefined, sharers: ReadonlyArray<State.State>) => boolean;
