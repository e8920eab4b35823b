/** The transport over an ioredis client, version 5 or 6, or its like, single or cluster. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { type Client } from "./client.ts";
import type { Transport } from "./transport.ts";
/**
 * Commands are only handed to a client that is connected, so none waits in the
 * client's offline queue to be executed at some later time. While a first or a
 * next connection is on its way they wait here; once such an attempt has failed
 * they fail at once, until one succeeds.
 *
 * `owned`: the client is ours to connect, to replace its socket, and to close.
 */
export declare const make: (client: Client, owned: boolean) => Effect.Effect<Transport, never, Scope.Scope>;
