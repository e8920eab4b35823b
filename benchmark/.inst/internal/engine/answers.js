/** What a store may answer. Anything else is not understood, and so a failure in doubt. */
import * as Option from "effect/Option";
import { BackendFailure } from "../../LockError.js";
const isObject = (u) => typeof u === "object" && u !== null;
const isAbsentOrFinite = (u) => u === undefined || Number.isFinite(u);
const isHeld = (u) => (u.token === undefined || typeof u.token === "string") && isAbsentOrFinite(u.remainingMillis) &&
    isAbsentOrFinite(u.waiters) && isAbsentOrFinite(u.permits) &&
    (u.watched === undefined || typeof u.watched === "boolean");
export const isAttempt = (u) => {
    if (!isObject(u))
        return false;
    return u._tag === "Acquired" ? Number.isSafeInteger(u.fencingToken) : u._tag === "Held" && isHeld(u);
};
export const isBoolean = (u) => typeof u === "boolean";
export const areExtensions = (length) => (u) => Array.isArray(u) && u.length === length && u.every((one) => isBoolean(one) || one instanceof BackendFailure);
export const isInspection = (u) => Option.isOption(u) &&
    (u._tag === "None" || (isObject(u.value) && typeof u.value.token === "string" && isHeld(u.value)));
const isOccupant = (u) => isObject(u) && typeof u.token === "string" && isHeld(u);
export const areOccupants = (u) => Array.isArray(u) && u.every(isOccupant);
export const isPage = (u) => isObject(u) && Array.isArray(u.locks) && u.locks.every((one) => isOccupant(one) && typeof one.key === "string") &&
    (u.next === undefined || typeof u.next === "string");
export const isGrant = (u) => isObject(u) && Number.isSafeInteger(u.fencingToken) && Number.isFinite(u.sinceMillis) &&
    Number.isFinite(u.leaseMillis) && u.leaseMillis > 0;
