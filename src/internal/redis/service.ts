/** The transport over Effect's own `Redis` service. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Script } from "./scripts.ts"
import type { Command, Transport } from "./transport.ts"

const unwrap = (cause: Cause.Cause<unknown>): unknown => {
  const error = Cause.squash(cause)
  return error instanceof Redis.RedisError ? error.cause : error
}

const toScript = (script: Script) =>
  Redis.script(
    (_keys: number, args: ReadonlyArray<string | number>) => [...args],
    { lua: script.lua, numberOfKeys: (keys) => keys }
  ).withReturnType<unknown>()

type Run = (
  keys: number,
  args: ReadonlyArray<string | number>
) => Effect.Effect<unknown, Redis.RedisError>

/**
 * The service does not say when its connections break, so what one reply says of the server's clock
 * need not hold for the next: a waiter that is granted a lock asks once more.
 */
export const make = Effect.fnUntraced(function*(
  redis: Redis.Redis["Service"],
  single: boolean
): Effect.fn.Return<Transport, never, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const runs = new Map<Script, Run>()

  const runOf = (script: Script): Run => {
    const known = runs.get(script)
    if (known !== undefined) return known
    const run = redis.eval(toScript(script))
    runs.set(script, run)
    return run
  }

  const send = (command: Command): void => {
    const { args, keys, script } = command
    command.sent = true
    const run: Effect.Effect<unknown, Redis.RedisError> = typeof script === "string"
      ? redis.send(script.toUpperCase(), ...args.map(String))
      : runOf(script)(keys, args)
    fork(Effect.matchCause(run, {
      onSuccess: command.succeed,
      onFailure: (cause) => command.fail(unwrap(cause))
    }))
  }

  return {
    single,
    oneClock: false,
    servers: single ? () => ({ names: [""], clientPrefix: "", sendTo: (_, command) => send(command) }) : undefined,
    send,
    isDown: () => false,
    observe: ({ ready }) => ready(),
    subscribe: (channel, handlers) => {
      const listen = Effect.gen(function*() {
        const messages = yield* redis.subscribe(channel)
        handlers.up()
        while (true) {
          const { message } = yield* Queue.take(messages)
          handlers.message(message)
        }
      }).pipe(
        Effect.scoped,
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.failCause(cause as Cause.Cause<never>)
            : Effect.sync(() => handlers.down(unwrap(cause)))
        )
      )
      const loop = Effect.forever(Effect.andThen(listen, Effect.sleep("1 second")))
      let fiber: Fiber.Fiber<unknown> = fork(loop)
      const stop = () => fiber.interruptUnsafe()
      return {
        stop,
        restart: () => {
          stop()
          handlers.down(new Error("the subscription does not hear what it should"))
          fiber = fork(loop)
        }
      }
    }
  }
})
