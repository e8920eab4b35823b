/** What may be asked for: each option checked and decoded. */
import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import { LockError } from "../LockError.ts";
export declare const invalid: (option: string, value: unknown, expected: string) => LockError;
/** Whole milliseconds, or `NaN` for what is no duration (and for one of `NaN`, which would silently become zero). */
export declare const toWholeMillis: (input: unknown) => number;
export declare const isExpires: (millis: number) => boolean;
export declare const isAtLeast: (millis: number) => boolean;
export declare const isTimeout: (millis: number) => boolean;
export declare const aBoolean: {
    expected: string;
    decode: (input: unknown) => boolean | undefined;
};
interface Decoded {
    readonly expires: Duration.Duration;
    readonly timeout: Duration.Duration;
    readonly retry: Schedule.Schedule<unknown>;
    readonly renew: boolean;
    readonly awaitRelease: boolean;
    readonly owner: string;
    readonly keyPrefix: string;
}
/** What each option may be: decoded, or undefined for what makes no sense. */
export declare const kinds: {
    readonly [K in keyof Decoded]: {
        readonly expected: string;
        readonly decode: (input: unknown) => Decoded[K] | undefined;
    };
};
export declare const decodeOption: <K extends keyof Decoded>(kind: K, input: unknown, option?: string) => Result.Result<Decoded[K], LockError>;
/**
 * Checks and decodes what is given; a key that is absent or undefined stays absent.
 * An option that has no kind here does not compile.
 */
export declare const decode: <O extends { readonly [K in keyof O]: K extends keyof Decoded ? unknown : never; }>(options: O & { readonly [K in keyof Decoded]?: unknown; }) => Result.Result<Partial<Decoded>, LockError>;
/** The length of an extension, in milliseconds. */
export declare const decodeExtension: (input: Duration.Input) => Result.Result<number, LockError>;
export {};
