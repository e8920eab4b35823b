/** What a call needs of the services of its fiber. */
import * as Context from "effect/Context";
import { LockBackend } from "../LockBackend.js";
import { LockConfig } from "../LockConfig.js";
import { isWork } from "./reentry.js";
import { defaultsOf } from "./request.js";
import { takerOf } from "./section.js";
/** Looking them up takes as long as taking a lock in memory, and a context does not change. Nothing is kept longer than it. */
const known = new WeakMap();
/** The last of a backend, for contexts that come and go. */
const latest = new WeakMap();
export const servicesOf = (context) => {
    const services = known.get(context);
    if (services !== undefined)
        return services;
    const found = lookUp(Context.get(context, LockBackend), Context.get(context, LockConfig));
    // That of work goes with it.
    if (!isWork(context))
        known.set(context, found);
    return found;
};
const lookUp = (backend, config) => {
    const services = latest.get(backend);
    if (services?.defaults.config === config)
        return services;
    const found = { backend, taker: takerOf(backend), defaults: defaultsOf(config) };
    latest.set(backend, found);
    return found;
};
