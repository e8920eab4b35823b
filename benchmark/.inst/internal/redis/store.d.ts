import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { LockStore } from "../../LockStore.ts";
import type { Notices } from "../notices.ts";
import type { Transport } from "./transport.ts";
export declare const make: (name: string, transport: Transport, prefix: string, strict: boolean, notices: Notices) => Effect.Effect<LockStore, never, Scope.Scope>;
