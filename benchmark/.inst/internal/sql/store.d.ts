import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { LockStore } from "../../LockStore.ts";
import type { Link } from "./link.ts";
import { type Table } from "./table.ts";
export declare const make: (link: Link, table: Table) => Effect.Effect<LockStore, never, Scope.Scope>;
