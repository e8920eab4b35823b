/** Where the servers are: `host`, `host:port`, `[ipv6]:port`, or all of it in a URL. */
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { isIPv6 } from "node:net";
import { InvalidOptions } from "../../LockError.js";
const defaultPort = 11211;
const expectedServer = `a host and a port from 1 to 65535, such as "localhost:11211" or "[::1]:11211"`;
const expectedUrl = `a URL such as "memcache://user:password@host:11211,host2:11211"`;
const parsePort = (text) => {
    if (text === undefined)
        return defaultPort;
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    return port >= 1 && port <= 65535 ? port : undefined;
};
const parseServer = (text) => {
    if (isIPv6(text))
        return { host: text, port: defaultPort };
    const match = /^(?:\[([^\]]+)\]|([^\s:@/?#[\]]+))(?::(.*))?$/.exec(text);
    if (match === null)
        return undefined;
    const [, ipv6, host = ipv6] = match;
    const port = parsePort(match[3]);
    return port === undefined || (ipv6 !== undefined && !isIPv6(ipv6)) ? undefined : { host, port };
};
/** The addresses in a list. What cannot be read is shown, unless there may be a password in it. */
export const parseServers = (servers) => {
    const addresses = [];
    for (const server of servers) {
        const address = parseServer(server.trim());
        if (address === undefined) {
            const value = server.includes("@") ? "<redacted>" : JSON.stringify(server);
            return Result.fail(new InvalidOptions({ option: "servers", value, expected: expectedServer }));
        }
        addresses.push(address);
    }
    return addresses.length > 0
        ? Result.succeed(addresses)
        : Result.fail(new InvalidOptions({ option: "servers", value: "[]", expected: "at least one server" }));
};
const encoded = `percent-encoded text, such as "%40" for "@"`;
/**
 * The parts of a URL. Of one that is malformed only the part is named, as its
 * password may be anywhere.
 */
export const parseUrl = (url) => {
    const wrong = (part, expected) => Result.fail(new InvalidOptions({ option: "url", value: part, expected }));
    const rest = /^memcached?:\/\/(.*)$/is.exec(url)?.[1];
    if (rest === undefined)
        return wrong("another scheme or none", expectedUrl);
    const at = rest.lastIndexOf("@");
    const login = rest.slice(0, Math.max(at, 0));
    const [, hosts, path, query] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest.slice(at + 1));
    if (login.includes("@"))
        return wrong(`an "@" in the user or the password`, encoded);
    if (query !== "")
        return wrong("a query or a fragment", "a URL that ends after the servers; options go beside it");
    if (path !== "" && path !== "/")
        return wrong("a path", "a URL that ends after the servers");
    const colon = login.indexOf(":");
    const username = decode(colon < 0 ? login : login.slice(0, colon));
    const password = colon < 0 ? undefined : decode(login.slice(colon + 1));
    if (username === undefined)
        return wrong(`a stray "%" in the user`, encoded);
    if (colon >= 0 && password === undefined)
        return wrong(`a stray "%" in the password`, encoded);
    if (at >= 0 && username === "")
        return wrong("no user before the @", expectedUrl);
    const servers = [];
    for (const [index, text] of (hosts === "" ? ["localhost"] : hosts.split(",")).entries()) {
        const address = parseServer(text.trim());
        if (address === undefined)
            return wrong(`a malformed server, number ${index + 1}`, expectedServer);
        servers.push(address);
    }
    return Result.succeed({
        servers,
        username: username || undefined,
        password: password === undefined ? undefined : Redacted.make(password)
    });
};
const decode = (text) => {
    try {
        return decodeURIComponent(text);
    }
    catch {
        return undefined;
    }
};
