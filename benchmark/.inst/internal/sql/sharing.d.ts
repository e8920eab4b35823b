/**
 * The rules for a key that is shared, or that somebody wants to share, on a copy of
 * its row. `edits.ts` reads the row, lets what is asked happen to the copy, and
 * writes it if nobody has changed the row meanwhile.
 *
 * The row of a shared key has {@link shared} as its token, which is nobody's, and an
 * entry for each sharer: `<token> <permits> <fence> <end>`. It expires with the last
 * of them, so to all statements that know nothing of sharing it is somebody's until then.
 *
 * Who waits to share has `<permits>/<limit>` at the end of its entry in the queue. From
 * the front are let in those who fit, and the first one that does not holds up all
 * behind it.
 *
 * - Who leaves lets others in, and counts those as well whose lease has ended. Only who
 *   asks puts them out. Who finds one passes those before it that would fit: they had the
 *   same chance, and may be gone, too.
 * - The first that does not fit is noted by the next who comes by (`?<token> 0 0
 *   <since>`, beside the sharers), and crosses that out when it comes by itself. One that
 *   has not for {@link goneMicros} is gone.
 */
import type { Share } from "../../LockStore.ts";
/** A row as it was read at a moment of the server's clock. All times are in its microseconds. */
export interface Found {
    /** Of this version of the row; empty if there is none. */
    readonly version: string;
    readonly token: string;
    readonly fence: number;
    readonly end: number;
    readonly queue: ReadonlyArray<string>;
    readonly sharers: ReadonlyArray<string>;
    readonly now: number;
}
export interface Sharer {
    readonly token: string;
    readonly permits: number;
    readonly fence: number;
    readonly end: number;
}
/** Who asks for a key. */
export interface Asking {
    readonly token: string;
    readonly leaseMillis: number;
    readonly share: Share | undefined;
    /** Its entry in the queue, if it shall wait. */
    readonly entry: string | undefined;
}
/** What it is told. */
export interface Told {
    readonly fencingToken: number | undefined;
    readonly holder: string | undefined;
    readonly leftMillis: number;
    readonly waiters: number;
}
/** A lease that one who waits was given, and where it hears of it. */
export interface Heard {
    readonly channel: string;
    readonly token: string;
    readonly fence: number;
    readonly leaseMillis: number;
}
/** The end of the entry of one that waits to share. */
export declare const entryEnd: ({ limit, permits }: Share) => string;
/** Those who share the key, the first to end in front. */
export declare const holders: ({ now, sharers, token }: Found) => ReadonlyArray<Sharer>;
/** The copy. */
export declare class Row {
    readonly found: Found;
    token: string;
    fence: number;
    end: number;
    queue: ReadonlyArray<string>;
    private sharers;
    /** Who was first and did not fit, and since when. */
    private note;
    /** Somebody has lost its place because its lease has ended. */
    private putOut;
    /** Somebody was given a lease, or a longer one. */
    given: boolean;
    readonly heard: Array<Heard>;
    constructor(found: Found);
    /** What is to be written beside token, fence, end and queue. */
    get entries(): ReadonlyArray<string>;
    get isChanged(): boolean;
    /**
     * Whether it has to wait for a fenced transaction: somebody gets the key alone or gives it back, or loses its place. Sharers
     * come and go beside one.
     */
    get isGivenAway(): boolean;
    /** Asks for the key. Who has it already keeps it, from now on. */
    ask(asking: Asking): Told;
    /** Gives back what the token has, and its place in the queue: whether it had the key, and its lease had not ended. */
    leave(token: string, entry: string | undefined): boolean;
    private lives;
    private get living();
    /** Nobody has the key. */
    private get isOver();
    private get isAlone();
    /** Itself included. */
    private ahead;
    private fits;
    /** Lets in as many as fit: the fencing token of who asks, if it is among them. */
    private admit;
    private give;
    private keep;
    private free;
    private isGone;
    /** Minds who is first and did not fit. */
    private mind;
    private tell;
}
