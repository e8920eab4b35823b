/**
 * Who has which key in the memory of this process, alone or shared, until when,
 * and who waits for it, in the order in which they came.
 */
import type { Share } from "../../LockStore.ts";
import * as KeyMap from "../engine/keyMap.ts";
import type { Bearer, Hold, Looked } from "../shortcuts.ts";
/** One of those who share a key. */
declare class Sharer implements Hold {
    bearer: Bearer;
    expiresAt: number;
    fencingToken: number;
    readonly permits: number;
    private readonly entry;
    constructor(entry: Entry, bearer: Bearer, permits: number, expiresAt: number, fencingToken: number);
    free(bearer: Bearer): boolean;
}
interface Waiting {
    readonly bearer: Bearer;
    /** One who has not asked again until then is gone. */
    until: number;
}
/** A key: for who has it alone also what it holds there. */
declare class Entry implements KeyMap.Place, Hold {
    vacant: boolean;
    bearer: Bearer;
    expiresAt: number;
    fencingToken: number;
    sharers: ReadonlyArray<Sharer>;
    queue: ReadonlyArray<Waiting>;
    readonly key: string;
    private readonly table;
    constructor(table: Table, key: string);
    get isHeldAlone(): boolean;
    free(bearer: Bearer): boolean;
    part(sharer: Sharer): boolean;
    /** Whoever leaves the queue may let in those behind, although nobody has freed anything. */
    leave(bearer: Bearer): boolean;
    private freed;
    /** Ends what is over. */
    expire(now: number): void;
    get isIdle(): boolean;
    /** Nobody is in front. */
    isNext(bearer: Bearer): boolean;
    fits(share: Share | undefined): boolean;
    enqueue(bearer: Bearer, until: number): void;
}
/** A holder that never frees its key leaves an entry, which ends with its lease. */
export declare class Table {
    private readonly entries;
    private readonly listeners;
    private readonly watchers;
    /** How many wait in each backend. */
    private readonly crowds;
    private sweepAt;
    private fencingToken;
    private readonly soon;
    constructor(soon: (task: () => void) => void);
    readonly take: (key: string, bearer: Bearer, expiresMillis: number, now: number, share?: Share, wait?: boolean) => Hold | undefined;
    private ownedBy;
    private give;
    readonly leave: (key: string, bearer: Bearer) => void;
    /** Of those who share it, the one who ends first. */
    readonly look: (key: string, now: number) => Looked | undefined;
    /** Everybody who has the key, who ends first in front. */
    all(key: string, now: number): ReadonlyArray<Looked & {
        readonly permits?: number;
    }>;
    extend(key: string, token: string, expiresMillis: number, now: number): boolean;
    /** Gives the key from one who has it alone to another. */
    transfer(key: string, from: string, to: string, expiresMillis: number, now: number): Hold | undefined;
    /** Whether the token had the key. It waits no more, either. */
    release(key: string, token: string, now: number): boolean;
    private live;
    /** An entry that nobody has or waits for goes. */
    settle(entry: Entry): void;
    /** When they could be half of all, so that the table is never more than twice as large as what is held. */
    private sweep;
    /** Those that somebody has, or has had. */
    keys(): ReadonlyArray<string>;
    /** How many wait for a key: to hear that it is free, or behind somebody of their own. */
    waiting(key: string): number;
    readonly count: (waitersOf: (key: string) => number) => () => void;
    /** For one who waits. */
    listen(key: string, listener: () => void): () => void;
    /** For one who only looks on. */
    watch(key: string, watcher: () => void): () => void;
    notify(key: string): void;
    /** In a turn of their own: who has just taken a key has not said yet who it is. */
    private tellWatchers;
}
export {};
