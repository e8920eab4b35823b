/** What the store needs of a Redis client. */
import * as Effect from "effect/Effect";
import type { Script } from "./scripts.ts";
/**
 * A command on its way: a script, or a plain one by its name. `sent` says whether the server may have seen it: a
 * command that fails without having been sent has no effect, now or later.
 */
export interface Command {
    readonly script: Script | string;
    /** How many of the arguments of a script are keys; they come first. */
    readonly keys: number;
    readonly args: ReadonlyArray<string | number>;
    readonly succeed: (reply: unknown) => void;
    readonly fail: (cause: unknown) => void;
    sent: boolean;
}
export interface SubscriptionHandlers {
    readonly message: (message: string) => void;
    readonly up: () => void;
    /** Tried again, whatever the cause. */
    readonly down: (cause: unknown) => void;
}
export interface Subscription {
    readonly stop: () => void;
    /** It does not hear what it should: a new one in its place. */
    readonly restart: () => void;
}
export interface Observer {
    /** A connection is there (again). */
    readonly ready: () => void;
    /** A connection is gone: the next may lead to another server. */
    readonly reset: () => void;
    /** Nothing can be sent, until `ready`. Told once. */
    readonly lost?: (cause: unknown) => void;
}
export interface Servers {
    /** In an order that stays the same as they come and go. */
    readonly names: ReadonlyArray<string>;
    /** What a client of the program puts before all keys. */
    readonly clientPrefix: string;
    /** Sends a plain command to one of them. */
    readonly sendTo: (server: string, command: Command) => void;
}
export interface Transport {
    /** One server has all keys, so one script may name many locks. */
    readonly single: boolean;
    /** Replies and grants come from one server, and `reset` tells when it may be another: its clock can be related to ours. */
    readonly oneClock: boolean;
    /** Commands are executed in the order they are sent; ends in exactly one of `succeed` and `fail`. */
    readonly send: (command: Command) => void;
    /**
     * The servers that have keys, by their names, where they can be asked one by one.
     */
    readonly servers: (() => Servers) | undefined;
    /** The connection is known to be down, so sending would fail at once. */
    readonly isDown: () => boolean;
    /** Listens on the channel over a connection of its own. */
    readonly subscribe: (channel: string, handlers: SubscriptionHandlers) => Subscription;
    /** Calls `notify` when the key changes, until the result is called; where a server can tell. */
    readonly watch?: ((key: string, notify: () => void) => () => void) | undefined;
    readonly observe: (observer: Observer) => void;
}
/** A plain command. */
export declare const plain: (name: string, args: ReadonlyArray<string>, succeed: (reply: unknown) => void, fail: (cause: unknown) => void) => Command;
/** The reply to a command, or the cause of its failure. */
export declare const ask: (send: (command: Command) => void, script: Script | string, keys: number, args: ReadonlyArray<string | number>) => Effect.Effect<unknown, unknown>;
