/** What may be asked for: each option checked and decoded. */
import * as Duration from "effect/Duration";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import { InvalidOptions, LockError } from "../LockError.js";
import * as Owner from "./owner.js";
import { show } from "./show.js";
export const invalid = (option, value, expected) => new LockError({ reason: new InvalidOptions({ option, value: show(value), expected }) });
/** Whole milliseconds, or `NaN` for what is no duration (and for one of `NaN`, which would silently become zero). */
export const toWholeMillis = (input) => {
    if (typeof input === "number")
        return Math.ceil(input);
    if (typeof input === "string")
        return parse(input);
    const isNaNInside = typeof input === "object" && input !== null && Object.values(input).some(Number.isNaN);
    return isNaNInside ? NaN : decodeMillis(input);
};
const decodeMillis = (input) => Option.match(Duration.fromInput(input), {
    onNone: () => NaN,
    onSome: (duration) => Math.ceil(Duration.toMillis(duration))
});
/** Programs write the same few texts again and again, and parsing one costs more than taking a lock in memory. */
const parsed = new Map();
const parse = (text) => {
    const known = parsed.get(text);
    if (known !== undefined)
        return known;
    const millis = decodeMillis(text);
    if (parsed.size < 100)
        parsed.set(text, millis);
    return millis;
};
export const isExpires = (millis) => millis >= 1 && millis < Infinity;
export const isAtLeast = (millis) => millis >= 0 && millis < Infinity;
export const isTimeout = (millis) => millis >= 0;
export const aBoolean = {
    expected: "true or false",
    decode: (input) => typeof input === "boolean" ? input : undefined
};
/** What each option may be: decoded, or undefined for what makes no sense. */
export const kinds = {
    expires: {
        expected: `a finite duration of at least 1 milli, such as "10 seconds"`,
        decode: (input) => {
            const millis = toWholeMillis(input);
            return isExpires(millis) ? Duration.millis(millis) : undefined;
        }
    },
    timeout: {
        expected: `a duration of zero or more, such as "60 seconds", or "Infinity"`,
        decode: (input) => {
            const millis = toWholeMillis(input);
            return isTimeout(millis) ? Duration.millis(millis) : undefined;
        }
    },
    retry: {
        expected: "a Schedule",
        decode: (input) => Schedule.isSchedule(input) ? input : undefined
    },
    renew: aBoolean,
    awaitRelease: aBoolean,
    keyPrefix: { expected: "a string", decode: (input) => typeof input === "string" ? input : undefined },
    owner: { expected: Owner.expected, decode: (input) => Owner.isOwner(input) ? input : undefined }
};
const names = Object.keys(kinds);
export const decodeOption = (kind, input, option = kind) => {
    const { decode, expected } = kinds[kind];
    const decoded = decode(input);
    return decoded === undefined ? Result.fail(invalid(option, input, expected)) : Result.succeed(decoded);
};
/**
 * Checks and decodes what is given; a key that is absent or undefined stays absent.
 * An option that has no kind here does not compile.
 */
export const decode = (options) => {
    const changes = {};
    for (const kind of names) {
        const input = options[kind];
        if (input === undefined)
            continue;
        const decoded = decodeOption(kind, input);
        if (Result.isFailure(decoded))
            return Result.fail(decoded.failure);
        changes[kind] = decoded.success;
    }
    return Result.succeed(changes);
};
/** The length of an extension, in milliseconds. */
export const decodeExtension = (input) => Result.map(decodeOption("expires", input), Duration.toMillis);
