/** The transport over Effect's own `Redis` service. */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Redis from "effect/persistence/Redis";
import * as Queue from "effect/Queue";
const unwrap = (cause) => {
    const error = Cause.squash(cause);
    return error instanceof Redis.RedisError ? error.cause : error;
};
const toScript = (script) => Redis.script((_keys, args) => [...args], { lua: script.lua, numberOfKeys: (keys) => keys }).withReturnType();
/**
 * The service does not say when its connections break, so nothing is known of
 * the server's clock from one reply to the next: whoever is given a lock asks once more.
 */
export const make = Effect.fnUntraced(function* (redis, single) {
    const fork = Effect.runForkWith(yield* Effect.context());
    const runs = new Map();
    const runOf = (script) => {
        const known = runs.get(script);
        if (known !== undefined)
            return known;
        const run = redis.eval(toScript(script));
        runs.set(script, run);
        return run;
    };
    const send = (command) => {
        const { args, keys, script } = command;
        command.sent = true;
        const run = typeof script === "string"
            ? redis.send(script.toUpperCase(), ...args.map(String))
            : runOf(script)(keys, args);
        fork(Effect.matchCause(run, {
            onSuccess: command.succeed,
            onFailure: (cause) => command.fail(unwrap(cause))
        }));
    };
    return {
        single,
        oneClock: false,
        servers: single ? () => ({ names: [""], clientPrefix: "", sendTo: (_, command) => send(command) }) : undefined,
        send,
        isDown: () => false,
        observe: ({ ready }) => ready(),
        subscribe: (channel, handlers) => {
            const listen = Effect.gen(function* () {
                const messages = yield* redis.subscribe(channel);
                handlers.up();
                while (true) {
                    const { message } = yield* Queue.take(messages);
                    handlers.message(message);
                }
            }).pipe(Effect.scoped, Effect.catchCause((cause) => Cause.hasInterruptsOnly(cause)
                ? Effect.failCause(cause)
                : Effect.sync(() => handlers.down(unwrap(cause)))));
            const loop = Effect.forever(Effect.andThen(listen, Effect.sleep("1 second")));
            let fiber = fork(loop);
            const stop = () => fiber.interruptUnsafe();
            return {
                stop,
                restart: () => {
                    stop();
                    handlers.down(new Error("the subscription does not hear what it should"));
                    fiber = fork(loop);
                }
            };
        }
    };
});
