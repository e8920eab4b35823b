import type { LockConfig, LockRequest, SectionOptions, ShareOptions } from "../LockConfig.ts";
import { LockError } from "../LockError.ts";
import type { Share } from "../LockStore.ts";
type CallOptions = SectionOptions & ShareOptions;
/** The defaults in force. */
export interface Defaults {
    readonly config: LockConfig;
    readonly expiresMillis: number;
    readonly timeoutMillis: number;
}
export declare const defaultsOf: (config: LockConfig) => Defaults;
/** A call's key and options, checked: what it asks for once the defaults in force are known. */
export declare class Asking {
    private readonly key;
    private readonly options;
    private readonly expiresMillis;
    private readonly timeoutMillis;
    private readonly share;
    private readonly atLeastMillis;
    /** Of all runs of a call most have the defaults of the last, which are few and small. */
    private defaults;
    private request;
    constructor(key: string, options: CallOptions | undefined, expiresMillis: number, timeoutMillis: number, share?: Share, atLeastMillis?: number);
    over(defaults: Defaults): LockRequest;
}
/** Checks a key and its options. What is wrong comes out as a `LockError` value. */
export declare const ask: (key: string, options?: CallOptions, timeoutMillis?: number) => Asking | LockError;
export {};
