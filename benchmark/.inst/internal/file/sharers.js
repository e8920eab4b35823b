/**
 * Who shares a key. A name has no room for all of them, so that of a shared state has
 * the token of a list, a file beside it:
 *
 *     l,<token>    a line for each sharer, as `state.ts` has it
 *
 * A list is written as a whole before a rename makes a state of it that names it, and
 * is never changed; so a state's name still is a compare-and-set on everything it
 * says. Whoever makes the next state removes all lists that it saw beside the one
 * before: they are that one's, and such as others meant to follow it, whose renames
 * can only fail from then on. A list that is not there is that of an earlier state.
 */
import { randomBytes } from "node:crypto";
import * as Host from "./host.js";
import * as State from "./state.js";
const prefix = "l,";
export const isList = (name) => name.startsWith(prefix);
/** Of a shared state. */
export const listName = ({ token }) => prefix + token;
export const print = (sharers) => sharers.map(({ name }) => `${name}\n`).join("");
/** A host that stops may leave a list empty: then nobody is there any more. */
export const parse = (text) => text.split("\n").flatMap((line) => State.parse(line) ?? []);
/** The state of those who share a key. */
export const stateOf = (sharers, fence, at) => {
    const end = Math.max(...sharers.map(({ expires, since }) => since + expires * 1000));
    const token = randomBytes(9).toString("base64url");
    return State.make("s", fence, at, Math.max(0, Math.ceil((end - at) / 1000)), token, Host.self);
};
/** Whether one who wants to share, or wants the key alone, has a place beside those. */
export const fits = (share, sharers) => {
    if (share === undefined || sharers.some((sharer) => sharer.share === undefined))
        return sharers.length === 0;
    return sharers.reduce((used, sharer) => used + sharer.share.permits, share.permits) <= share.limit;
};
