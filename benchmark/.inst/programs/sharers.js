// src/contestants/sharers.ts
import { Lock } from "#effect-lock";
import * as RedisBackend from "#effect-lock/RedisBackend";
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock";
import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { Effect as Effect3, ManagedRuntime as ManagedRuntime3, Schedule as Schedule3 } from "effect3";
import { Redis } from "ioredis";
import { Semaphore } from "redis-semaphore";

// src/contestants/contestant.ts
var pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
var promised = (lockOf) => async (jobs) => {
  await Promise.all(jobs.map(async (job) => {
    let lock = lockOf(job.key);
    while (job.again()) {
      if (job.newKey !== void 0) lock = lockOf(job.newKey());
      job.ask();
      let held;
      try {
        held = await lock.acquire();
      } catch (error) {
        if (isGivingUp(error)) continue;
        throw error;
      }
      job.enter();
      if (job.sectionMillis > 0) await pause(job.sectionMillis);
      job.leave();
      await lock.release(held);
      job.done();
    }
  }));
};
var isGivingUp = (error) => error instanceof Error && /ExecutionError|LockError|Timeout|Acquisition|Locked/i.test(`${error.name} ${error.message}`);

// src/contestants/sharers.ts
var ttl = 1e4;
var ours = {
  name: "effect-lock",
  reads: true,
  open: async (port) => {
    const runtime = ManagedRuntime.make(RedisBackend.layer({ host: "127.0.0.1", port }));
    await runtime.context();
    const options = { timeout: "Infinity", expires: "10 seconds" };
    const loop = (job) => {
      const section = Effect.suspend(() => {
        job.enter();
        return Effect.map(Effect.sleep(job.sectionMillis), job.leave);
      });
      const cycles = {
        permit: Lock.withPermits(section, job.key, { ...options, limit: job.limit }),
        read: Lock.withSharedLock(section, job.key, options),
        write: Lock.withLock(section, job.key, options)
      };
      return Effect.whileLoop({
        while: job.again,
        body: () => {
          const kind = job.kind();
          job.ask();
          return cycles[kind];
        },
        step: job.done
      });
    };
    return {
      work: (jobs) => runtime.runPromise(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true }))
    };
  }
};
var redisSemaphore = {
  name: "redis-semaphore",
  reads: false,
  open: async (port, retryMillis) => {
    const client = new Redis(port, "127.0.0.1");
    return {
      work: (jobs) => promised((key) => {
        const semaphore = new Semaphore(client, key, jobs[0].limit, {
          lockTimeout: ttl,
          acquireTimeout: 6e4,
          refreshInterval: ttl / 3,
          ...retryMillis !== void 0 && { retryInterval: retryMillis }
        });
        return { acquire: () => semaphore.acquire(), release: () => semaphore.release() };
      })(jobs)
    };
  }
};
var distributedLock = {
  name: "effect-distributed-lock",
  reads: false,
  open: async (port, retryMillis) => {
    const client = new Redis(port, "127.0.0.1");
    const runtime = ManagedRuntime3.make(
      RedisBacking.layer(client, retryMillis === void 0 ? {} : { pushBasedAcquireEnabled: false })
    );
    const loop = (job) => Effect3.gen(function* () {
      const semaphore = yield* DistributedSemaphore.make(job.key, {
        limit: job.limit,
        ttl: "10 seconds",
        ...retryMillis !== void 0 && { acquireRetryPolicy: Schedule3.spaced(retryMillis) }
      });
      const section = Effect3.suspend(() => {
        job.enter();
        return Effect3.zipRight(Effect3.sleep(job.sectionMillis), Effect3.sync(job.leave));
      });
      const cycle = semaphore.withPermits(1)(section);
      while (job.again()) {
        job.ask();
        yield* cycle;
        job.done();
      }
    });
    return {
      work: (jobs) => runtime.runPromise(Effect3.forEach(jobs, loop, { concurrency: "unbounded", discard: true }))
    };
  }
};
var peers = [redisSemaphore, distributedLock];
var byName = (name) => [ours, ...peers].find((one) => one.name === name);

// src/lib/monotonic.ts
var monotonic = () => Number(process.hrtime.bigint()) / 1e6;

// src/lib/processes.ts
var serve = (work2) => {
  process.on("message", (order) => {
    work2(order).then((answer) => process.send(answer), (error) => {
      console.error(error);
      process.exit(1);
    });
  });
};

// src/lib/scenario.ts
var sleep2 = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

// src/lib/stats.ts
var random = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = state + 1831565813 >>> 0;
    let t = state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
};

// src/sharers.ts
var sessions = /* @__PURE__ */ new Map();
var work = async (order) => {
  const { contestant, endAt, key, limit = 0, port, retryMillis, sectionMillis, seed, startAt, workers, writes } = order;
  const id = `${contestant} ${retryMillis}`;
  let session = sessions.get(id);
  if (session === void 0) sessions.set(id, session = await byName(contestant).open(port, retryMillis));
  const next = random(seed);
  const log = [];
  const jobs = Array.from({ length: workers }, () => {
    let [asked, entered, kind] = [0, 0, "permit"];
    return {
      key,
      limit,
      sectionMillis,
      again: () => monotonic() < endAt,
      kind: () => kind = limit > 0 ? "permit" : next() * 100 < writes ? "write" : "read",
      ask: () => {
        asked = monotonic();
      },
      enter: () => {
        entered = monotonic();
      },
      leave: () => {
        log.push(asked, entered, monotonic(), kind === "write" ? 1 : 0);
      },
      done: () => {
      }
    };
  });
  await sleep2(Math.max(0, startAt - monotonic()));
  await session.work(jobs);
  return Float64Array.from(log);
};
serve(work);
