/**
 * `redis://[user[:password]@][host][:port][/db]`, everything after the scheme
 * optional; `redis+sentinel://…@host[:port],…/name[/db]`; `redis+cluster://…@host[:port],…`.
 * `rediss` for TLS, and `valkey` for `redis`, mean the same.
 */
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.ts";
export interface Node {
    readonly host: string;
    readonly port: number;
}
export interface Address {
    readonly host?: string;
    readonly port?: number;
    readonly db?: number;
    readonly username?: string;
    readonly password?: Redacted.Redacted<string>;
    readonly tls?: boolean;
    /** Those who know where the server of this name is. */
    readonly sentinels?: ReadonlyArray<Node>;
    readonly name?: string;
    /** Some nodes of a cluster. */
    readonly nodes?: ReadonlyArray<Node>;
}
export declare const expected = "redis://[user[:password]@][host][:port][/db], or rediss:// for TLS; redis+sentinel://host[:port],\u2026/name[/db]; redis+cluster://host[:port],\u2026";
/** The schemes of our URLs. */
export declare const scheme: RegExp;
export declare const parse: (url: string) => Result.Result<Address, InvalidOptions>;
