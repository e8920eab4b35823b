/** The effects of calls. Each is built once, and may run several times and at once. */
import { Duration, Effect, Option, Schedule, Stream, Tracer } from "effect"
import { Lock, type LockBackend, LockConfig, type LockError } from "effect-lock"
import { type Call, isTaking } from "./plan.ts"

export class BodyFailed {
  readonly _tag = "BodyFailed"
}

export const planned = "as planned"
const tracerFailed = "the tracer fails"

export type Failure = LockError.LockError | BodyFailed

/** The work of a call under its leases. `fresh` says that the work starts in the same step as the lease. */
export type Section = (
  leases: ReadonlyArray<Lock.Lease>,
  call: Call,
  fresh: boolean
) => Effect.Effect<unknown, Failure, LockBackend.LockBackend>

type Effected = Effect.Effect<unknown, Failure, LockBackend.LockBackend>

const spaced = (millis: number) => Schedule.spaced(Duration.millis(millis))

const schedules: Readonly<Record<Call["retry"], Schedule.Schedule<unknown> | undefined>> = {
  usual: undefined,
  often: spaced(5),
  rare: spaced(300),
  ends: Schedule.max([spaced(10), Schedule.recurs(3)]),
  slow: Schedule.tap(spaced(10), () => Effect.sleep(200)),
  stuck: Schedule.tap(spaced(10), () => Effect.never)
}

/** Whether what makes no sense is an option of this call. */
export const isWrong = (call: Call): boolean => {
  const { form, wrong } = call
  if (wrong === undefined || !isTaking(call)) return false
  const [option] = wrong
  if (option === "atLeast") return isSection(call)
  return form !== "tryAcquire" || (option !== "timeout" && option !== "retry")
}

/** It takes what only sections can have. */
const isSection = ({ form }: Call): boolean => form !== "acquire" && form !== "tryAcquire" && form !== "withLocks"

const optionsOf = (call: Call): LockConfig.LockOptions => {
  const { atLeast, expires, form, renew, retry, spelled, timeout, wrong } = call
  const millis = (n: number): Duration.Input =>
    n === Infinity
      ? Duration.infinity
      : spelled === "words"
      ? `${n} millis`
      : call.id % 2 === 0
      ? n
      : Duration.millis(n)
  const options = {
    expires: millis(expires),
    renew,
    ...(atLeast > 0 && { atLeast: millis(atLeast) }),
    ...(form !== "tryAcquire" && { timeout: millis(timeout), retry: schedules[retry] })
  }
  return isWrong(call) ? { ...options, [wrong![0]]: wrong![1] } : options
}

const make = (call: Call, section: Section): Effected => {
  const { form, key, others, share, spelled } = call
  // Of the region come defaults only.
  const inRegion = spelled === "region" && form !== "once" && form !== "onceLoud" && isTaking(call) &&
    call.atLeast === 0 && call.wrong?.[0] !== "atLeast"
  const all = optionsOf(call)
  const options = inRegion ? undefined : all
  const sharing = share === undefined
    ? options
    : { ...options, share: share.limit === Number.MAX_SAFE_INTEGER ? true as const : share }
  const work = (lease: Lock.Lease) => section([lease], call, true)
  const held = (lease: Lock.Lease) => Effect.raceFirst(section([lease], call, false), lease.lost)
  const effect = ((): Effected => {
    switch (form) {
      case "withLock":
        return call.id % 3 === 0 ? Lock.withLock(key, options)(work) : Lock.withLock(work, key, options)
      case "withSharedLock":
        return call.id % 3 === 0 ? Lock.withSharedLock(key, options)(work) : Lock.withSharedLock(work, key, options)
      case "withPermits":
        return Lock.withPermits(work, key, { ...options, ...share! })
      case "withLocks":
        // Who has several may have lost one by the time that it has the last.
        return Lock.withLocks((leases) => section(leases, call, false), [key, ...others, key], options)
      case "once":
        return Lock.once(work, key, sharing)
      case "onceLoud":
        return Lock.once(work, key, { ...sharing, failIfLocked: true })
      case "acquire":
        return Effect.scoped(Effect.flatMap(Lock.acquire(key, sharing), held))
      case "tryAcquire":
        return Effect.scoped(Effect.flatMap(
          Lock.tryAcquire(key, sharing),
          Option.match({
            onNone: () => Effect.succeedNone,
            onSome: (lease) => Effect.asSome(held(lease))
          })
        ))
      case "awaitFree":
        return Lock.awaitFree(key, { timeout: call.timeout })
      case "holders":
        return Lock.holders(key)
      case "list":
        return Stream.runCollect(Lock.list())
      case "inspect":
        return Lock.inspect(key)
      case "forceRelease":
        return Lock.forceRelease(key)
    }
  })()
  return inRegion ? LockConfig.provide(effect, all) : effect
}

/** Sees that every span which begins ends, and may throw. */
class Tracing {
  open = 0
  readonly tracer: Tracer.Tracer

  constructor(throwsAt: number | undefined) {
    const names = ["Lock.wait", "Lock.hold"]
    this.tracer = Tracer.make({
      span: (options) => {
        const fails = throwsAt !== undefined && options.name === names[throwsAt % 2]
        if (fails && throwsAt < 2) throw new Error(tracerFailed)
        const span = new Tracer.NativeSpan(options)
        this.open++
        const end = span.end.bind(span)
        span.end = (endTime, exit) => {
          end(endTime, exit)
          this.open--
          if (fails) throw new Error(tracerFailed)
        }
        return span
      }
    })
  }
}

export class Effects {
  readonly traced = new Tracing(undefined)
  private readonly throwing = [0, 1, 2, 3].map((at) => new Tracing(at))
  /** A small world has a call of another's work for a key of its own. */
  private readonly built = new Map<string, Effected>()
  private readonly section: Section

  constructor(section: Section) {
    this.section = section
  }

  of(call: Call): Effected {
    const name = `${call.id} ${call.key}`
    let effect = this.built.get(name)
    if (effect === undefined) {
      effect = this.wrap(call, make(call, this.section))
      this.built.set(name, effect)
    }
    return effect
  }

  private wrap({ id, traced, uninterruptible }: Call, effect: Effected): Effected {
    const tracing = traced === "no" ? undefined : traced === "yes" ? this.traced : this.throwing[id % 4]
    const seen = tracing === undefined ? effect : Effect.withTracer(effect, tracing.tracer)
    return uninterruptible ? Effect.uninterruptible(seen) : seen
  }
}

/** How long it may wait for its key. */
export const timeoutOf = ({ form, timeout }: Call): number => form === "tryAcquire" ? 0 : timeout
