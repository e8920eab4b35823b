/**
 * `redis://[user[:password]@][host][:port][/db]`, everything after the scheme
 * optional; `redis+sentinel://…@host[:port],…/name[/db]`; `redis+cluster://…@host[:port],…`.
 * `rediss` for TLS, and `valkey` for `redis`, mean the same.
 */
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.js";
export const expected = "redis://[user[:password]@][host][:port][/db], or rediss:// for TLS; redis+sentinel://host[:port],…/name[/db]; redis+cluster://host[:port],…";
/** The schemes of our URLs. */
export const scheme = /^(redis|valkey)(s?)(\+sentinel|\+cluster)?:/i;
const pattern = /^(?:redis|valkey)(s?)(\+sentinel|\+cluster)?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#\s]*)(?:\/([^/?#\s]*))?(?:\/(\d{0,5}))?$/i;
const hostPattern = /^(\[[\da-f:.]+\]|[^:[\],]*)(?::(\d{1,5}))?$/i;
/** Never shows what was given, which may contain a password wherever it is malformed. */
const malformed = Result.fail(new InvalidOptions({ option: "url", value: "a malformed URL", expected }));
const authority = (text) => {
    const match = hostPattern.exec(text);
    if (match === null)
        return undefined;
    const port = match[2] === undefined ? undefined : Number(match[2]);
    if (port !== undefined && (port === 0 || port > 65_535))
        return undefined;
    return { host: match[1] === "" ? undefined : match[1].replace(/^\[|\]$/g, ""), port };
};
const nodesOf = (text, defaultPort) => {
    const nodes = [];
    for (const one of text.split(",")) {
        const found = authority(one);
        if (found?.host === undefined)
            return undefined;
        nodes.push({ host: found.host, port: found.port ?? defaultPort });
    }
    return nodes;
};
const placeOf = (kind, hosts, path, second) => {
    if (kind === "+sentinel") {
        const sentinels = nodesOf(hosts, 26_379);
        const name = decodeURIComponent(path);
        return sentinels === undefined || name === ""
            ? undefined
            : { sentinels, name, ...(second && { db: Number(second) }) };
    }
    if (second !== undefined || !/^\d{0,5}$/.test(path))
        return undefined;
    if (kind === "+cluster") {
        const nodes = nodesOf(hosts, 6379);
        return nodes === undefined || Number(path) !== 0 ? undefined : { nodes };
    }
    const found = authority(hosts);
    return found && {
        ...(found.host !== undefined && { host: found.host }),
        ...(found.port !== undefined && { port: found.port }),
        ...(path && { db: Number(path) })
    };
};
export const parse = (url) => {
    const match = pattern.exec(url);
    if (match === null)
        return malformed;
    const [, secure, kind = "", user, password, hosts, path = "", second] = match;
    try {
        const place = placeOf(kind.toLowerCase(), hosts, path, second);
        if (place === undefined)
            return malformed;
        return Result.succeed({
            ...(secure && { tls: true }),
            ...(user && { username: decodeURIComponent(user) }),
            ...(password && { password: Redacted.make(decodeURIComponent(password)) }),
            ...place
        });
    }
    catch {
        return malformed;
    }
};
