/** What a call needs of the services of its fiber. */
import * as Context from "effect/Context";
import { LockBackend } from "../LockBackend.ts";
import { type Defaults } from "./request.ts";
import { type Taker } from "./section.ts";
interface Services {
    readonly backend: LockBackend["Service"];
    /** Of a backend that nobody has decorated. */
    readonly taker: Taker | undefined;
    readonly defaults: Defaults;
}
export declare const servicesOf: (context: Context.Context<LockBackend>) => Services;
export {};
