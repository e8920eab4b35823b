/** `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, as libpq reads it. */
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.ts";
export declare const expected = "postgres://[user[:password]@][host][:port][/database][?sslmode=require&\u2026]";
/** Checks what the driver would complain of with the URL in its words, and only when it connects. */
export declare const check: (url: string) => Result.Result<string, InvalidOptions>;
/** Whether a checked URL names a user. */
export declare const hasUser: (url: string) => boolean;
/** Where a checked URL leads to, as far as it says that; a host that begins with `/` is a folder with the server's socket. */
export declare const placeOf: (url: string) => {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
};
