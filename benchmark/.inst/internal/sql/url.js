/** `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, as libpq reads it. */
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.js";
export const expected = "postgres://[user[:password]@][host][:port][/database][?sslmode=require&…]";
/** Never shows what was given, which may contain a password wherever it is malformed. */
const malformed = Result.fail(new InvalidOptions({ option: "url", value: "a malformed URL", expected }));
/** Checks what the driver would complain of with the URL in its words, and only when it connects. */
export const check = (url) => {
    try {
        const { hostname, password, pathname, port, protocol, username } = new URL(url);
        if (protocol !== "postgres:" && protocol !== "postgresql:")
            return malformed;
        if (port === "0" || pathname.slice(1).includes("/"))
            return malformed;
        for (const part of [hostname, password, pathname, username])
            decodeURIComponent(part);
        return Result.succeed(url);
    }
    catch {
        return malformed;
    }
};
/** Whether a checked URL names a user. */
export const hasUser = (url) => {
    const { searchParams, username } = new URL(url);
    return username !== "" || searchParams.has("user");
};
/** Where a checked URL leads to, as far as it says that; a host that begins with `/` is a folder with the server's socket. */
export const placeOf = (url) => {
    const { hostname, port, searchParams } = new URL(url);
    const host = searchParams.get("host") ?? decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1");
    const named = searchParams.get("port") ?? port;
    return { host: host === "" ? undefined : host, port: named === "" ? undefined : Number(named) };
};
