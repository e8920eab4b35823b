/** What a store has to tell of itself, for all who observe it. */
import type { BackendFailure } from "../LockError.ts";
import type { Observer } from "../LockStore.ts";
export declare class Notices {
    private observers;
    private isDown;
    /** Why those who wait poll, once that has lasted. */
    private polls;
    private cause;
    private timer;
    readonly observe: (observer: Observer) => () => void;
    down(failure: BackendFailure): void;
    up(): void;
    polling(cause: unknown): void;
    told(): void;
    close(): void;
}
