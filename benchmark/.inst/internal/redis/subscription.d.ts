/**
 * One channel over a connection of its own, to any node of a cluster: a new
 * connection whenever it breaks, is silent, or is said to be deaf.
 */
import { type Client, type Single } from "./client.ts";
import type { Subscription, SubscriptionHandlers } from "./transport.ts";
/** What is to be done before it subscribes, on a connection with these options. */
export interface Preparing {
    readonly options: object;
    readonly prepare: (opened: Single, isCurrent: () => boolean) => Promise<unknown>;
}
/** A connection of ours to the same server, which begins when it is told to, and ends when it breaks. */
export declare const connectionOf: (origin: Single, options: object) => Single;
export declare const open: (client: Client, channel: string, handlers: SubscriptionHandlers, preparing?: Preparing) => Subscription;
