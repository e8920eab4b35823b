/** What a seed decides beforehand: who calls what and when, what goes wrong, and what the store is like. */
import type { LockStore } from "effect-lock"
import { Random } from "./random.ts"
import type { Features } from "./server.ts"
import type { Weather } from "./weather.ts"

export const kinds = {
  direct: "the store in memory",
  polling: "a store that is asked again and again",
  told: "a store that tells of releases",
  given: "a store with a queue, which gives keys to waiters",
  hostile: "a store that throws, hangs, and talks nonsense"
} as const

export type Kind = keyof typeof kinds

const retries = ["usual", "often", "rare", "ends", "slow", "stuck"] as const

/** One call of `Lock`. */
export interface Call {
  readonly id: number
  readonly form:
    | "withLock"
    | "withSharedLock"
    | "withPermits"
    | "withLocks"
    | "once"
    | "onceLoud"
    | "acquire"
    | "tryAcquire"
    | "awaitFree"
    | "inspect"
    | "holders"
    | "list"
    | "forceRelease"
  readonly key: string
  /** Keys that are wanted with it. */
  readonly others: ReadonlyArray<string>
  readonly share: LockStore.Share | undefined
  /** How long the key stays taken at least. */
  readonly atLeast: number
  readonly expires: number
  readonly timeout: number
  readonly renew: boolean
  readonly retry: typeof retries[number]
  /** An option that makes no sense. */
  readonly wrong: readonly [string, unknown] | undefined
  /** Whether the options come with the call, in words, or as defaults of the region around it. */
  readonly spelled: "numbers" | "words" | "region"
  readonly uninterruptible: boolean
  readonly traced: "no" | "yes" | "throws"
  readonly work: Work
  /** How long its fiber keeps the process busy when it is over. */
  readonly blocksAfter: number
  /** When it is interrupted: after some time, or some steps of the world. */
  readonly interrupted: { readonly millis: number } | { readonly steps: number } | undefined
}

export type Step =
  | { readonly do: "pause" | "deaf" | "open" | "block" | "guard"; readonly millis: number }
  | { readonly do: "extend"; readonly millis: number | undefined }
  | { readonly do: "yield" | "release" | "remaining" | "seize" }
  | { readonly do: "call"; readonly call: Call }

export interface Work {
  readonly steps: ReadonlyArray<Step>
  readonly end: "succeed" | "fail" | "die"
  /** How long its finalizer takes. */
  readonly cleanup: number
}

export interface Script {
  readonly host: number
  readonly calls: ReadonlyArray<{ readonly after: number; readonly call: Call }>
}

export interface Trouble {
  readonly at: number
  readonly what: "stop" | "crash" | "forget" | "flush" | "wallClock" | "close"
  readonly host: number
  readonly key: string
  readonly millis: number
}

export interface Plan {
  readonly kind: Kind
  readonly keys: ReadonlyArray<string>
  readonly hosts: number
  readonly features: Features
  readonly weather: Weather
  readonly scripts: ReadonlyArray<Script>
  readonly troubles: ReadonlyArray<Trouble>
}

const calm: Weather = {
  patienceMillis: 40,
  delayMillis: 0,
  slow: 0,
  lost: 0,
  twice: 0,
  refused: 0,
  odd: 0,
  throws: 0,
  mute: false
}

const makeWeather = (random: Random, kind: Kind): Weather => {
  if (kind === "direct") return calm
  const bad = random.pick([0, 0, 0.02, 0.1])
  const weather = {
    ...calm,
    patienceMillis: random.pick([40, 150]),
    delayMillis: random.pick([0.5, 2, 10]),
    slow: random.pick([0, 0, 0.02, 0.1]),
    lost: bad,
    twice: random.pick([0, 0, 0.05]),
    refused: bad / 2
  }
  if (kind !== "hostile") return weather
  return {
    ...weather,
    odd: random.pick([0, 0.02, 0.1]),
    throws: random.pick([0, 0.02, 0.1]),
    mute: random.chance(0.3)
  }
}

const makeFeatures = (random: Random, kind: Kind): Features => {
  const listen = kind === "hostile"
    ? random.pick(["no", "told", "given"] as const)
    : kind === "told" || kind === "given"
    ? kind
    : "no"
  return {
    listen,
    exchange: random.chance(listen === "given" ? 0.7 : 0.2),
    extendAll: random.chance(0.5),
    handOver: random.chance(listen === "given" ? 0.7 : 0.3),
    names: random.chance(0.7),
    callbacks: random.chance(0.3),
    shares: random.chance(0.9)
  }
}

const wrongs: ReadonlyArray<readonly [string, unknown]> = [
  ["expires", 0],
  ["expires", NaN],
  ["expires", "soon"],
  ["expires", "Infinity"],
  ["timeout", -1],
  ["timeout", "never"],
  ["retry", 5],
  ["renew", "yes"],
  ["atLeast", "often"]
]

const reader: LockStore.Share = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

/** Draws calls, each with a number of its own. */
class Calls {
  made: Array<Call> = []
  private readonly random: Random
  private readonly keys: ReadonlyArray<string>
  readonly usualExpires: number
  /** How many of them share their key, and have several. */
  private readonly shared: number
  private readonly several: number

  constructor(random: Random, keys: ReadonlyArray<string>) {
    this.random = random
    this.keys = keys
    this.usualExpires = random.pick([15, 60, 200, 800, 5_000])
    this.shared = random.pick([0, 0, 0.5, 0.9])
    this.several = keys.length === 1 ? 0 : random.pick([0, 0, 0.1])
  }

  /** Now and then one that was made before: the same effect may run again, and at the same time. */
  next(): Call {
    if (this.made.length > 0 && this.random.chance(0.1)) return this.random.pick(this.made)
    return this.make(false)
  }

  private make(nested: boolean): Call {
    const { random } = this
    const forms = ["once", "onceLoud", "acquire", "tryAcquire", "inspect"] as const
    const expires = random.chance(0.8) ? this.usualExpires : random.pick([12, 40, 100, 500])
    const uninterruptible = random.chance(0.05)
    const retry = random.chance(0.75) ? "usual" as const : random.pick(retries.slice(1))
    const timeout = nested ? random.int(50) : random.pick([0, 5, 30, 200, 1_000, Infinity])
    const drawn = nested
      ? random.pick(["withLock", "withLock", "once", "acquire"] as const)
      : random.chance(0.65)
      ? "withLock"
      : random.chance(0.15)
      ? "forceRelease"
      : random.pick(forms)
    const share = random.chance(this.shared) ? this.share() : undefined
    const form = this.formOf(drawn, share, nested)
    const key = random.pick(this.keys)
    const isSection = form !== "acquire" && form !== "tryAcquire" && form !== "withLocks"
    const call: Call = {
      id: -1,
      form,
      key,
      others: form === "withLocks" ? this.keys.filter((other) => other !== key && random.chance(0.7)) : [],
      share: form === "withLocks" ? undefined : share,
      atLeast: isSection && random.chance(0.05) ? random.pick([20, 2 * expires]) : 0,
      expires,
      // One that never looks again would wait for ever.
      timeout: retry === "stuck" ? Math.min(timeout, 1_000) : timeout,
      renew: random.chance(0.85),
      retry,
      wrong: random.chance(0.02) ? random.pick(wrongs) : undefined,
      spelled: random.pick(["numbers", "numbers", "words", "region"]),
      uninterruptible,
      traced: random.chance(0.85) ? "no" : random.chance(0.85) ? "yes" : "throws",
      work: this.work(expires, nested, uninterruptible),
      blocksAfter: random.chance(0.08) ? random.millis(0, 2 * expires) : 0,
      interrupted: random.chance(0.12)
        ? { millis: random.millis(0.125, random.pick([2, 50, 500])) }
        : random.chance(0.08)
        ? { steps: random.int(60) }
        : undefined
    }
    // Nested ones have been made by now.
    const numbered = { ...call, id: this.made.length }
    this.made.push(numbered)
    return numbered
  }

  private share(): LockStore.Share {
    const { random } = this
    if (random.chance(0.5)) return reader
    const limit = 1 + random.int(4)
    return { limit, permits: random.chance(0.6) ? 1 : 1 + random.int(limit) }
  }

  private formOf(drawn: Call["form"], share: LockStore.Share | undefined, nested: boolean): Call["form"] {
    const { random } = this
    if (drawn === "inspect") return random.pick(["inspect", "inspect", "holders", "list", "awaitFree"])
    if (drawn !== "withLock") return drawn
    if (!nested && random.chance(this.several)) return "withLocks"
    return share === undefined ? drawn : share === reader ? "withSharedLock" : "withPermits"
  }

  private work(expires: number, nested: boolean, uninterruptible: boolean): Work {
    const { random } = this
    const millis = () => random.millis(0, random.pick([1, expires, 2.5 * expires]))
    const step = (): Step => {
      const n = random.int(100)
      if (n < 4) return { do: "guard", millis: millis() }
      if (n < 45) return { do: uninterruptible && random.chance(0.4) ? "open" : "pause", millis: millis() }
      if (n < 55) return { do: "yield" }
      if (n < 60) return { do: "deaf", millis: millis() }
      if (n < 65) return { do: "block", millis: millis() }
      if (n < 78) return { do: "extend", millis: random.pick([undefined, expires, this.odd(expires)]) }
      if (n < 82) return { do: "release" }
      if (n < 88) return { do: "remaining" }
      if (n < 89) return { do: "seize" }
      return nested ? { do: "yield" } : { do: "call", call: this.make(true) }
    }
    return {
      steps: Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, step),
      end: random.chance(0.85) ? "succeed" : random.pick(["fail", "die"]),
      cleanup: random.chance(0.7) ? 0 : millis()
    }
  }

  /** Lengths that nothing else has, so that they are known again. */
  private odd(expires: number): number {
    return 3 * expires + (this.random.chance(0.3) ? 7_000 : 0) + 1 + (this.lengths++ % 50)
  }

  private lengths = 0
}

const makeTroubles = (random: Random, { hosts, keys }: Pick<Plan, "hosts" | "keys">, usualExpires: number) => {
  const troubles: Array<Trouble> = []
  const often = (probability: number, most: number, what: Trouble["what"]) => {
    if (!random.chance(probability)) return
    for (let i = 0; i < 1 + random.int(most); i++) {
      troubles.push({
        what,
        at: random.millis(0, 600),
        host: random.int(hosts),
        key: random.pick(keys),
        millis: what === "wallClock"
          ? random.pick([-3_600_000, 3_600_000])
          : random.millis(1, random.pick([10, 3 * usualExpires]))
      })
    }
  }
  often(0.4, 3, "stop")
  often(0.1, 1, "crash")
  often(0.1, 2, "forget")
  often(0.05, 1, "flush")
  often(0.2, 3, "wallClock")
  often(0.12, 1, "close")
  return troubles
}

export const makePlan = (seed: number, kind: Kind): Plan => {
  const random = new Random(seed ^ 0x5bd1e995)
  const keys = ["a", "b", "c"].slice(0, 1 + random.int(3))
  const hosts = 2 + random.int(2)
  const calls = new Calls(random, keys)
  const script = (host: number): Script => ({
    host,
    calls: Array.from({ length: 1 + random.int(4) }, () => ({
      after: random.chance(0.3) ? 0.125 : random.millis(0.125, 100),
      call: calls.next()
    }))
  })
  return {
    kind,
    keys,
    hosts,
    features: makeFeatures(random, kind),
    weather: makeWeather(random, kind),
    scripts: Array.from({ length: hosts }, (_, host) => Array.from({ length: 1 + random.int(3) }, () => script(host)))
      .flat(),
    troubles: makeTroubles(random, { hosts, keys }, calls.usualExpires)
  }
}

/** The same, but no call brings a schedule that hangs or a tracer that throws. */
export const makeGentle = (plan: Plan): Plan => {
  const gentle = (call: Call): Call => ({
    ...call,
    retry: call.retry === "slow" || call.retry === "stuck" ? "often" : call.retry,
    traced: call.traced === "throws" ? "yes" : call.traced,
    work: {
      ...call.work,
      steps: call.work.steps.map((step) => step.do === "call" ? { ...step, call: gentle(step.call) } : step)
    }
  })
  const scripts = plan.scripts.map(({ calls, host }) => ({
    host,
    calls: calls.map(({ after, call }) => ({ after, call: gentle(call) }))
  }))
  return { ...plan, scripts }
}

/** A small one without trouble: a few calls for one key at about the same time. */
export const makeSmallPlan = (seed: number, kind: Kind): Plan => {
  const plan = makePlan(seed, kind)
  const scripts = plan.scripts.slice(0, 3).map(({ calls, host }, i): Script => ({
    host: Math.min(host, 1),
    calls: calls.slice(0, 1).map(({ call }) => ({
      after: 0.125 + 2 * i,
      call: { ...call, key: "a", others: [], interrupted: undefined }
    }))
  }))
  return { ...plan, keys: ["a"], hosts: 2, scripts, troubles: [] }
}

/** Whether it is to get a lock. */
export const isTaking = ({ form }: Call): boolean =>
  form !== "inspect" && form !== "holders" && form !== "list" && form !== "awaitFree" && form !== "forceRelease"

const showStep = (step: Step): string => {
  if (step.do === "call") return `(${showCall(step.call)})`
  return "millis" in step && step.millis !== undefined ? `${step.do} ${step.millis}` : step.do
}

export const showCall = (call: Call): string => {
  const { cleanup, end, steps } = call.work
  const parts = [
    `${call.form} ${[call.key, ...call.others].join("+")}`,
    call.share === undefined || !isTaking(call)
      ? ""
      : call.share === reader
      ? " shared"
      : ` ${call.share.permits} of ${call.share.limit}`,
    call.atLeast === 0 ? "" : ` at least ${call.atLeast}`,
    !isTaking(call)
      ? ""
      : ` expires ${call.expires} timeout ${call.timeout}${call.renew ? "" : " no renewal"}`,
    call.retry === "usual" ? "" : ` retry ${call.retry}`,
    call.wrong === undefined ? "" : ` wrong ${String(call.wrong)}`,
    call.spelled === "numbers" ? "" : ` by ${call.spelled}`,
    call.uninterruptible ? " uninterruptible" : "",
    call.traced === "no" ? "" : ` tracer ${call.traced}`,
    call.interrupted === undefined ? "" : ` interrupted ${JSON.stringify(call.interrupted)}`,
    call.blocksAfter === 0 ? "" : ` then blocks ${call.blocksAfter}`,
    ` { ${[...steps.map(showStep), end].join(", ")}${cleanup === 0 ? "" : `, finally ${cleanup}`} }`
  ]
  return parts.join("")
}

export const showPlan = ({ features, kind, scripts, troubles, weather }: Plan): ReadonlyArray<string> => [
  `${kind} ${JSON.stringify(features)}`,
  JSON.stringify(weather),
  ...scripts.map(({ calls, host }) =>
    `p${host}: ${calls.map(({ after, call }) => `after ${after} #${call.id} ${showCall(call)}`).join("; ")}`
  ),
  ...troubles.map(({ at, host, key, millis, what }) => `at ${at}: ${what} p${host} ${key} ${millis}`)
]
