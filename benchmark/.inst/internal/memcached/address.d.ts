/** Where the servers are: `host`, `host:port`, `[ipv6]:port`, or all of it in a URL. */
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.ts";
import type { Address } from "./link.ts";
/** The addresses in a list. What cannot be read is shown, unless there may be a password in it. */
export declare const parseServers: (servers: ReadonlyArray<string>) => Result.Result<ReadonlyArray<Address>, InvalidOptions>;
export interface Target {
    readonly servers: ReadonlyArray<Address>;
    readonly username: string | undefined;
    readonly password: Redacted.Redacted<string> | undefined;
}
/**
 * The parts of a URL. Of one that is malformed only the part is named, as its
 * password may be anywhere.
 */
export declare const parseUrl: (url: string) => Result.Result<Target, InvalidOptions>;
