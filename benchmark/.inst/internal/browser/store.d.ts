import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { LockError } from "../../LockError.ts";
import type { LockStore } from "../../LockStore.ts";
export declare const make: (name: string) => Effect.Effect<LockStore, LockError, Scope.Scope>;
