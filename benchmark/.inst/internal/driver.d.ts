/** Packages that only some backends need, and that need not be installed otherwise. */
import * as Effect from "effect/Effect";
import { LockError } from "../LockError.ts";
/** Loads what needs the driver; fails with what to install. */
export declare const load: <A>(backend: string, driver: string, modules: () => Promise<A>) => Effect.Effect<A, LockError>;
