/**
 * Which tabs and workers there are: each holds a Web Lock of its own for as long
 * as it lives. The browser lets go of it when the tab is closed, crashes or goes
 * to another page, so that who gets it knows that the tab is no more. Names are
 * random and never come back.
 */
import * as Effect from "effect/Effect";
/** Ends with the scope, and with the tab. */
export const make = (name) => {
    const lockOf = (tab) => `${name}:tab:${tab}`;
    const { locks } = navigator;
    const appear = Effect.callback((resume) => {
        const tab = crypto.randomUUID();
        let leave;
        const left = new Promise((resolve) => {
            leave = resolve;
        });
        const held = locks.request(lockOf(tab), () => {
            resume(Effect.succeed({
                tab,
                leave: () => {
                    leave();
                    return held;
                }
            }));
            return left;
        });
        held.catch((cause) => resume(Effect.fail(cause)));
    });
    return Effect.acquireRelease(appear, ({ leave }) => Effect.ignore(Effect.tryPromise(leave))).pipe(Effect.map(({ tab }) => ({
        tab,
        watch: (other, onGone) => {
            const watch = new AbortController();
            locks.request(lockOf(other), { mode: "shared", signal: watch.signal }, () => {
                if (!watch.signal.aborted)
                    onGone();
            }).catch(() => {
                // The watch has ended.
            });
            return () => watch.abort();
        },
        gone: async (tabs) => {
            const { held = [] } = await locks.query();
            const there = new Set(held.map(({ name }) => name));
            return tabs.filter((tab) => !there.has(lockOf(tab)));
        }
    })));
};
