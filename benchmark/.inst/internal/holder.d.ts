/** What a store says of a holder, for people. */
import { Holder } from "../LockError.ts";
import type { Occupant } from "../LockStore.ts";
/** A page of the keys that are held. */
export interface HeldPage {
    readonly locks: ReadonlyArray<{
        readonly key: string;
        readonly holder: Holder;
    }>;
    readonly next: string | undefined;
}
export declare const toHolder: ({ permits, remainingMillis, token, waiters }: Occupant) => Holder;
