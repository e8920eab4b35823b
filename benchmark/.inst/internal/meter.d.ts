/**
 * What a backend counts. Counting is an addition; the metrics are made of it when
 * somebody reads them. Attributes are the backend's name, and words of ours that are
 * few: keys would be without bound.
 */
import * as Context from "effect/Context";
import { FailureKind } from "../LockError.ts";
/** What there is of a backend at the moment. */
export interface Gauges {
    readonly held: number;
    readonly waiters: number;
    readonly isConnected: boolean;
}
export declare class Meter {
    attempts: number;
    timeouts: number;
    losses: number;
    handOvers: number;
    failedReleases: number;
    readonly renewals: {
        renewed: number;
        lost: number;
        failed: number;
    };
    private readonly failures;
    private readonly waits;
    private readonly holds;
    /** Of each backend. */
    private readonly gauges;
    constructor(backend: string, context: Context.Context<never>);
    /** Shows what there is of a backend, too, for as long as it is open. */
    watch(gauges: () => Gauges): () => void;
    waited(millis: number): void;
    held(millis: number): void;
    failed(kind: FailureKind): void;
}
/** One for all backends of a name that are counted in one place. */
export declare const meterOf: (backend: string, context: Context.Context<never>) => Meter;
