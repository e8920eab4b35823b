/**
 * News of locks for those who only look: a server remembers what a connection has
 * read, and says on another when that changes or ends. Nobody pays for it but who
 * looks. One pair of connections serves all, while there is anything to be told of.
 *
 * Whatever breaks, or is refused by the server's rules, begins anew; those who look
 * are then told to, and look every now and then by themselves.
 */
import { type Single } from "./client.ts";
export interface Tracking {
    /** Calls `notify` whenever the key changes, and perhaps more often, until the result is called. */
    readonly watch: (key: string, notify: () => void) => () => void;
    readonly stop: () => void;
}
export declare const make: (client: Single) => Tracking;
