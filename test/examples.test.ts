import { Effect, type Scope, Semaphore } from "effect"
import { spawn } from "node:child_process"
import { assert, describe, it } from "vitest"
import { filesIn, root } from "../scripts/doctest.ts"
import { isInstalled, type Name, type ServerName, serverNames } from "../scripts/installed.ts"
import { bundled } from "./support/bundled.ts"
import { lightPath } from "./support/chromium.ts"
import { directory } from "./support/directory.ts"
import { postgres } from "./support/postgres.ts"
import { punctual } from "./support/punctual.ts"
import { cluster, shared } from "./support/redis.ts"
import { watched } from "./support/sentinel.ts"
import { databaseIn, serverUrl } from "./support/urls.ts"

/**
 * What an example prints: these lines, in this order, other lines between them or not. Those of a list are in any order.
 *
 * `server` is what it needs, in `REDIS_URL` or `MEMCACHED_URL`. One that asks `BackendUrl.layerConfig` runs in
 * memory, and once more on each of `on`, in `LOCK_URL`. Each run has a `LOCK_DIRECTORY` of its own.
 */
interface Expectation {
  readonly prints: ReadonlyArray<RegExp | ReadonlyArray<RegExp>>
  readonly server?: ServerName
  /** Where it is, if it is not just one. */
  readonly url?: Effect.Effect<string, never, Scope.Scope>
  readonly on?: ReadonlyArray<ServerName>
  /** What else has to be installed. */
  readonly needs?: Name
}

const takeover = [
  /^ {2}(ada|bob) +█+$/,
  /^ {2}(ada|bob) +█+✗$/,
  /^ {2}(ada|bob) +█+$/,
  /^ {2}(ada|bob) +█+$/,
  /^ {2}(ada|bob) +█+$/,
  /^Never two at once, fencing tokens rise$/,
  /^ada was killed with the lock, bob had it \d+ ms after ada said so, of a lease of 2000 ms$/
]

const expectations: Record<string, Expectation> = {
  "cache-fill": {
    on: ["redis"],
    prints: [
      /^Eight found it empty, and saw 41$/,
      /^Eight more saw 41$/,
      /^Fetched 1 time, read by up to 8 at once$/
    ]
  },
  permits: {
    on: ["redis"],
    prints: [
      // As many at once as the machine likes.
      /^22 calls, never more than [2-5] permits in use$/,
      /^In use now: 5$/,
      /^A refresh that can wait: left out$/,
      /^A request: no permit in time$/
    ]
  },
  transfer: {
    on: serverNames,
    prints: [
      /^30 transfers at once, and back and forth$/,
      /^Together they have 200$/,
      /^One more: Overdrawn$/
    ]
  },
  cron: {
    on: serverNames,
    prints: [
      /^Midnight of may-1:$/,
      /^ {2}\w+ writes the report of may-1$/,
      /^ {2}\w+: done$/,
      /^ {2}dan: already done$/,
      /^Midnight of may-2:$/,
      /^ {2}\w+ writes the report of may-2$/,
      /^ {2}\w+: done$/,
      /^ {2}dan: already done$/,
      /^Reports written: 2$/
    ]
  },
  "custom-backend": {
    prints: [
      /^tryAcquire migration: Acquired$/,
      /^extend migration: true$/,
      /^extend migration: true$/,
      /^release migration: true$/,
      /^rows left: 0$/
    ]
  },
  "graceful-shutdown": {
    on: serverNames,
    prints: [
      /^ {2}worker: has the lock$/,
      /^Sending SIGTERM$/,
      /^ {2}worker: told to stop, cleaning up$/,
      /^ {2}worker: the lock is free$/,
      /^The worker ended with exit code 130$/,
      /^The next holder has the lock after \d+ ms, of a lease of 1 minute$/
    ]
  },
  "hand-over": {
    on: serverNames,
    prints: [
      /^handler: 202 accepted$/,
      /^handler: 409 the order is being shipped$/,
      // In either order, as the machine likes.
      [/^worker: ships order 7$/, /^worker: done$/, /^worker: the job is not mine \((Taken|Expired)\)$/],
      /^handler: 202 accepted$/
    ]
  },
  "idempotent-http": {
    on: serverNames,
    prints: [
      /^ {2}200 charge [12]$/,
      /^ {2}201 charge 1$/,
      /^ {2}201 charge 2$/,
      /^ {2}200 charge [12]$/,
      /^Charged 2 times for 4 requests$/
    ]
  },
  "key-templates": {
    prints: [
      /^invoice-ada-may +invoice for may sent to ada$/,
      /^invoice-ada-may +is being sent already$/,
      /^invoice-ada-june +invoice for june sent to ada$/,
      /^invoice-bob-may +invoice for may sent to bob$/,
      /^invoice-ada%2d;may-x is not invoice-ada-may%2d;x$/
    ]
  },
  "leader-tab": {
    needs: "chromium",
    prints: [
      /^ {2}(ada|bob|cleo) leads$/,
      /^Closing (ada|bob|cleo)$/,
      /^ {2}(ada|bob|cleo) leads$/,
      /^Closing (ada|bob|cleo)$/,
      /^ {2}(ada|bob|cleo) leads$/,
      /^Closing (ada|bob|cleo)$/,
      /^Led, one after the other: (?!.*(ada|bob|cleo).*\1)\w+, \w+, \w+$/
    ]
  },
  memcache: { server: "memcached", prints: takeover },
  nightly: {
    on: serverNames,
    prints: [
      /^Three hosts, with clocks that are 400 ms apart/,
      ...Array.from({ length: 9 }, () => /^ {2}20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z ran on (ada|bob|cleo)$/),
      /^No tick ran twice$/
    ]
  },
  observability: {
    on: serverNames,
    prints: [
      /^ {2}nobody$/,
      /^ {2}[\w-]+-\d+, for 30 seconds unless it renews$/,
      /^ {2}order 1$/,
      /^ {4}Lock.wait of "orders": short$/,
      /^ {4}Lock.hold of "orders": long$/,
      /^ {2}order 2$/,
      /^ {4}Lock.wait of "orders": long$/,
      /^ {4}Lock.hold of "orders": long$/,
      /^ {2}lock_attempts_total\{backend="\w+"\} [1-9]/,
      /^ {2}lock_backend_connected\{backend="\w+"\} 1$/,
      /^ {2}lock_hand_overs_total\{backend="\w+"\} \d$/,
      /^ {2}lock_held\{backend="\w+"\} 0$/,
      /^ {2}lock_hold_duration_seconds\{backend="\w+"\} 4$/,
      /^ {2}lock_lost_total\{backend="\w+"\} 0$/,
      /^ {2}lock_release_failures_total\{backend="\w+"\} 0$/,
      /^ {2}lock_renewals_total\{backend="\w+",outcome="renewed"\} \d$/,
      /^ {2}lock_renewals_total\{backend="\w+",outcome="lost"\} 0$/,
      /^ {2}lock_renewals_total\{backend="\w+",outcome="failed"\} 0$/,
      // Who finds a lock taken and does not want to wait has not timed out.
      /^ {2}lock_timeouts_total\{backend="\w+"\} 0$/,
      /^ {2}lock_wait_duration_seconds\{backend="\w+"\} 4$/,
      /^ {2}lock_waiters\{backend="\w+"\} 0$/
    ]
  },
  once: {
    prints: [
      /^ {2}writing the report$/,
      /^ {2}scheduler 1: report of today$/,
      /^ {2}scheduler 2: skipped/,
      /^ {2}scheduler 3: skipped/,
      /^ {2}writing the report$/,
      /^ {2}scheduler 1: report of today$/,
      /^ {2}scheduler 2: failed: LockTimeout$/,
      /^ {2}ran again: true$/
    ]
  },
  "queue-worker": {
    on: serverNames,
    prints: [
      /^slow: has the job, and pauses$/,
      /^quick: takes the job over$/,
      /^quick: written$/,
      /^slow: wakes up and writes$/,
      /^slow: the table refused my write, a later token was here$/,
      /^slow: LockLost, Expired$/,
      /^job-7: done by quick$/
    ]
  },
  "per-host": {
    prints: [
      /^first start, process \d+: backing up$/,
      /^second start, process \d+: already running: process \d+, since 20\d\d-\d\d-\d\dT/,
      /^the first was killed in the middle of it$/,
      /^third start, process \d+: backing up$/
    ]
  },
  quickstart: {
    prints: [
      /^ {2}ada +·*█+ waited \d+ ms, fencing token 1$/,
      /^ {2}bob +·+█+ waited \d+ ms, fencing token 2$/,
      /^ {2}cleo +·+█+ waited \d+ ms, fencing token 3$/,
      /^ {2}dan +·+█+ waited \d+ ms, fencing token 4$/,
      /^Never two at once\.$/,
      /^And once: the first ran, the second found it taken\.$/
    ]
  },
  redis: { server: "redis", prints: takeover },
  "streamed-export": {
    on: serverNames,
    prints: [
      /^ {2}first client: 20 rows$/,
      /^ {2}second client, meanwhile: 409 an export is running$/,
      /^ {2}third client: went away$/,
      /^ {2}the export is free$/,
      /^ {2}server: Lock "export" was lost after /,
      /^ {2}fourth client, whose lock was taken away: was broken off$/
    ]
  },
  "redis-cluster": {
    server: "redis",
    url: Effect.map(
      Effect.orDie(cluster),
      (nodes) => `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`
    ),
    prints: takeover
  },
  "redis-sentinel": { server: "redis", url: Effect.map(Effect.orDie(watched), ({ url }) => url), prints: takeover },
  settlement: {
    server: "postgres",
    prints: [
      /^ {2}ada: has the lock and 5 accounts to pay$/,
      /^ {2}ada: paid account 1$/,
      /^ {2}ada: paid account 2$/,
      /^Stopping ada$/,
      /^ {2}bob: has the lock and 3 accounts to pay$/,
      /^ {2}bob: paid account 5$/,
      /^Letting ada go on$/,
      /^ {2}ada: LockLost, (Expired|Taken): wrote nothing$/,
      /^Account 2 was paid by ada$/,
      /^Account 3 was paid by bob$/,
      /^5 accounts, 5 payouts$/
    ]
  },
  tenant: {
    on: serverNames,
    prints: [
      /^acme: customers, orders, invoices \(one by one\)$/,
      /^globex: customers, orders \(one by one\)$/,
      /^Different tenants ran at the same time\.$/
    ]
  },
  "test-layers": {
    prints: [
      /^ok {3}renews while it works: rebuilt$/,
      /^ {5}calls: tryAcquire, extend, release$/,
      /^ok {3}gives up after its timeout: somebody else is rebuilding$/,
      /^ok {3}stops when the lock is lost: stopped half way$/,
      /^ok {3}open backend: ran$/
    ]
  },
  testing: {
    prints: [
      /^ok {3}pays, and renews/,
      /^ok {3}waits for another process/,
      /^ok {3}pays nothing/,
      /^ok {3}rides out a short outage/,
      /^ok {3}rolls back/,
      /^ok {3}leaves nothing behind/,
      /^6 passed, 0 failed$/
    ]
  },
  "typed-errors": {
    prints: [
      /^charged$/,
      /^busy: Lock "order-held" was not acquired( after waiting [\dms ]+)?: it is held by \S+ since /,
      /^lost: Lock "order-stolen" was lost after [\dms ]+: the backend no longer knows us/,
      /^down: .* \(Unreachable\)/,
      /^ours: Lock "order-ours" is held/,
      /^wrong: Invalid lock option "expires": got -1, expected /
    ]
  }
}

const database = shared(postgres())

/** A server of its own, or a database, which is made sooner. */
const url = (server: ServerName) => server === "postgres" ? Effect.flatMap(database, databaseIn) : serverUrl(server)

interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** From its start to its end. */
  readonly millis: number
}

const names = filesIn("examples", ".ts", false).map((file) => file.slice("examples/".length, -".ts".length))

// Each starts two or three processes.
const fewAtOnce = Semaphore.makeUnsafe(4).withPermits(1)

/** What is `undefined` is not set. */
type Environment = Readonly<Record<string, string | undefined>>

const execute = (file: string, env: Environment): Effect.Effect<Output> =>
  Effect.callback((resume) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [file], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", LOCK_URL: undefined, CHROMIUM: lightPath, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => stdout += chunk)
    child.stderr.on("data", (chunk) => stderr += chunk)
    child.once(
      "close",
      (code) => resume(Effect.succeed({ code, stdout, stderr, millis: performance.now() - startedAt }))
    )
    // One that does not end has printed how far it came. A busy machine takes a minute to start a browser.
    const limit = setTimeout(() => child.kill("SIGKILL"), 300_000)
    child.once("close", () => clearTimeout(limit))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const run = (name: string, env: Environment): Effect.Effect<Output> =>
  Effect.flatMap(bundled(new URL(`../examples/${name}.ts`, import.meta.url)), (file) => fewAtOnce(execute(file, env)))

/** The first expected line that does not follow those before it. */
const missingLine = (output: string, prints: Expectation["prints"]): RegExp | undefined => {
  let lines = output.split("\n")
  for (const patterns of prints) {
    const found = [patterns].flat().map((pattern) => [pattern, lines.findIndex((line) => pattern.test(line))] as const)
    const missing = found.find(([, index]) => index < 0)
    if (missing !== undefined) return missing[0]
    lines = lines.slice(Math.max(...found.map(([, index]) => index)) + 1)
  }
  return undefined
}

// They have leases of seconds, and wait for tenths of one.
const onTime = punctual(100)

// They mostly wait, and so run side by side.
describe("examples", { concurrent: true, timeout: 900_000 }, () => {
  it("exist, and each says here what it prints", () => {
    assert.isNotEmpty(names)
    assert.deepStrictEqual(Object.keys(expectations).toSorted(), names.toSorted())
  })

  for (const [what, at] of [["back", "2026-10-25T00:59:52Z"], ["forward", "2026-03-29T00:59:52Z"]] as const) {
    it(`nightly runs over the moment at which the clocks are set ${what}`, () =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* run("nightly", { LOCK_DIRECTORY: yield* directory, EXAMPLE_AT: at })
        assert.strictEqual(code, 0, `${stdout}\n${stderr}`)
        const day = at.slice(0, 10)
        const missing = missingLine(stdout, [
          new RegExp(`^ {2}${day}T00:59:5\\d\\.000Z ran on`),
          new RegExp(`^ {2}${day}T01:00:0\\d\\.000Z ran on`),
          /^No tick ran twice$/
        ])
        assert.strictEqual(missing, undefined, `missing in the output: ${missing}\n${stdout}`)
      }).pipe(onTime, Effect.runPromise))
  }

  const example = (name: string, what: string, variable: string, server: ServerName | undefined, needs?: Name) =>
    it.skipIf((server !== undefined && !isInstalled(server)) || (needs !== undefined && !isInstalled(needs)))(
      what,
      () =>
        Effect.gen(function*() {
          const env = {
            LOCK_DIRECTORY: yield* directory,
            ...(server !== undefined && { [variable]: yield* expectations[name]?.url ?? url(server) })
          }
          const { code, stderr, stdout } = yield* run(name, env)
          assert.strictEqual(code, 0, `${stdout}\n${stderr}`)
          const missing = missingLine(stdout, expectations[name]?.prints ?? [])
          assert.strictEqual(missing, undefined, `missing in the output:\n${stdout}\n${stderr}`)
        }).pipe(onTime, Effect.runPromise)
    )

  // Far sooner than the minute that a lock waits for.
  const without = (name: string, variable: string, value: string | undefined, more: Environment = {}) =>
    it(`${name} says what it needs`, () =>
      Effect.gen(function*() {
        const { code, millis, stderr, stdout } = yield* run(name, { [variable]: value, ...more })
        assert.notStrictEqual(code, 0)
        assert.isBelow(millis, 40_000)
        const said = stdout + stderr
        assert.include(said, variable)
        assert.match(said, /needs|install/)
        // And nothing of what would happen if it were there.
        assert.isDefined(missingLine(stdout, (expectations[name]?.prints ?? []).slice(0, 1)), said)
      }).pipe(onTime, Effect.runPromise))

  describe("to a process without a user, as in a container,", () => {
    without("settlement", "POSTGRES_URL", undefined, { USER: undefined, USERNAME: undefined })
  })

  for (const name of names) {
    const { needs, on = [], server } = expectations[name] ?? {}
    const variable = server === undefined ? "LOCK_URL" : `${server.toUpperCase()}_URL`
    example(name, `${name} runs`, variable, server, needs)
    for (const other of on) example(name, `${name} runs on ${other}`, variable, other)
    // Nobody listens at the first port.
    const nowhere = {
      redis: "redis://127.0.0.1:1",
      memcached: "memcache://127.0.0.1:1",
      postgres: "postgres://a@127.0.0.1:1"
    }
    if (server !== undefined || on.length > 0) without(name, variable, nowhere[server ?? "redis"])
    if (needs === "chromium") without(name, "CHROMIUM", "/nowhere/chromium")
  }
})
