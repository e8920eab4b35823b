var __defProp = Object.defineProperty;
var __export = (target, all) => {
  for (var name2 in all)
    __defProp(target, name2, { get: all[name2], enumerable: true });
};

// src/contestants/postgres.ts
var postgres_exports = {};
__export(postgres_exports, {
  advisory: () => advisory,
  byName: () => byName,
  commits: () => commits,
  contestants: () => contestants,
  ours: () => ours,
  prepare: () => prepare,
  row: () => row
});
import * as SqlBackend from "#effect-lock/SqlBackend";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect2 from "effect/Effect";
import * as Exit2 from "effect/Exit";
import * as Reactivity from "effect/reactivity/Reactivity";
import * as Redacted from "effect/Redacted";
import * as Scope2 from "effect/Scope";

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

// src/contestants/effectLock.ts
import { Lock } from "#effect-lock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Scope from "effect/Scope";
var options = { timeout: "Infinity", expires: "10 seconds" };
var loop = (job) => {
  const section = (lease) => {
    job.enter(lease.fencingToken);
    if (job.sectionMillis === 0) {
      job.leave();
      return Effect.void;
    }
    return Effect.map(Effect.sleep(job.sectionMillis), job.leave);
  };
  const cycle = Lock.withLock(section, job.key, options);
  return Effect.whileLoop({
    while: () => {
      const again = job.again();
      if (again) job.ask();
      return again;
    },
    body: () => job.newKey === void 0 ? cycle : Lock.withLock(section, job.newKey(), options),
    step: job.done
  });
};
var openSession = async (layer4) => {
  const runtime = ManagedRuntime.make(layer4);
  await runtime.context();
  return {
    work: (jobs) => runtime.runPromise(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true })),
    hold: async (keys2) => {
      const scope = Scope.makeUnsafe();
      await runtime.runPromise(
        Effect.forEach(keys2, (key) => Scope.provide(Lock.acquire(key, options), scope), {
          concurrency: 256,
          discard: true
        })
      );
      return () => runtime.runPromise(Scope.close(scope, Exit.void));
    },
    close: () => runtime.dispose()
  };
};

// src/contestants/postgres.ts
var urlOf = (port2) => `postgres://app@127.0.0.1:${port2}/postgres`;
var open = async (port2) => {
  const scope = Scope2.makeUnsafe();
  const sql = await Effect2.runPromise(
    PgClient.make({ url: Redacted.make(urlOf(port2)), maxConnections: 10 }).pipe(
      Effect2.provide(Reactivity.layer),
      Scope2.provide(scope)
    )
  );
  return { sql, close: () => Effect2.runPromise(Scope2.close(scope, Exit2.void)) };
};
var pause2 = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
var row = {
  name: "a row, as ShedLock",
  sends: [],
  polls: true,
  open: async (port2, retryMillis = 50) => {
    const { close: close3, sql } = await open(port2);
    const run = (text, parameters) => Effect2.runPromise(Effect2.withTracerEnabled(sql.unsafe(text, parameters).values, false));
    const attempt = async (name2) => {
      const updated = await run(
        `UPDATE shedlock SET lock_until = clock_timestamp() + interval '10 s', locked_at = clock_timestamp(), locked_by = $2
        WHERE name = $1 AND lock_until <= clock_timestamp() RETURNING 1`,
        [name2, "us"]
      );
      if (updated.length > 0) return true;
      const inserted = await run(
        `INSERT INTO shedlock VALUES ($1, clock_timestamp() + interval '10 s', clock_timestamp(), $2)
        ON CONFLICT DO NOTHING RETURNING 1`,
        [name2, "us"]
      );
      return inserted.length > 0;
    };
    return {
      work: promised((key) => ({
        acquire: async () => {
          while (!await attempt(key)) await pause2(retryMillis);
        },
        release: () => run("UPDATE shedlock SET lock_until = clock_timestamp() WHERE name = $1 AND locked_by = $2", [key, "us"])
      })),
      close: close3
    };
  }
};
var advisory = {
  name: "pg_advisory_lock",
  sends: [],
  polls: false,
  open: async (port2) => {
    const { close: close3, sql } = await open(port2);
    return {
      work: promised((key) => ({
        acquire: async () => {
          const scope = Scope2.makeUnsafe();
          const connection = await Effect2.runPromise(Scope2.provide(sql.reserve, scope));
          await Effect2.runPromise(connection.executeValues("SELECT pg_advisory_lock(hashtextextended($1, 0))", [key]));
          return async () => {
            await Effect2.runPromise(
              connection.executeValues("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [key])
            );
            await Effect2.runPromise(Scope2.close(scope, Exit2.void));
          };
        },
        release: (held) => held()
      })),
      close: close3
    };
  }
};
var ours = {
  name: "effect-lock",
  sends: [],
  polls: false,
  open: (port2) => openSession(SqlBackend.layer({ url: urlOf(port2) }))
};
var contestants = [row, advisory, ours];
var byName = (name2) => contestants.find((one) => one.name === name2) ?? ours;
var prepare = async (port2) => {
  const { close: close3, sql } = await open(port2);
  await Effect2.runPromise(sql.unsafe(await Effect2.runPromise(SqlBackend.createTable())));
  await Effect2.runPromise(sql`CREATE TABLE shedlock
    (name text PRIMARY KEY, lock_until timestamptz NOT NULL, locked_at timestamptz NOT NULL, locked_by text NOT NULL)`);
  await close3();
};
var commits = async (port2) => {
  const { close: close3, sql } = await open(port2);
  const rows = await Effect2.runPromise(sql`SELECT xact_commit AS n FROM pg_stat_database
    WHERE datname = current_database()`);
  await close3();
  return Number(rows[0].n);
};

// src/contestants/redis.ts
var redis_exports = {};
__export(redis_exports, {
  byName: () => byName2,
  ours: () => ours2,
  peers: () => peers,
  raw: () => raw
});
import * as RedisBackend from "#effect-lock/RedisBackend";
import { Redlock as Sesamecare } from "@sesamecare-oss/redlock";
import { LockFactory } from "@verrou/core";
import { redisStore } from "@verrou/core/drivers/redis";
import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { Mutex } from "redis-semaphore";
import Redlock5 from "redlock";
import { createLock, IoredisAdapter } from "redlock-universal";
import Redlock4 from "redlock4";

// src/contestants/effectDistributedLock.ts
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock";
import { Effect as Effect3, Fiber, ManagedRuntime as ManagedRuntime2, Schedule } from "effect3";
var open2 = (client, retryMillis) => {
  const runtime = ManagedRuntime2.make(
    RedisBacking.layer(client, retryMillis === void 0 ? {} : { pushBasedAcquireEnabled: false })
  );
  const loop2 = (job) => Effect3.gen(function* () {
    const semaphore2 = yield* DistributedSemaphore.make(job.key, {
      ttl: "10 seconds",
      ...retryMillis !== void 0 && { acquireRetryPolicy: Schedule.spaced(retryMillis) }
    });
    const section = Effect3.suspend(() => {
      job.enter();
      return Effect3.zipRight(
        job.sectionMillis === 0 ? Effect3.void : Effect3.sleep(job.sectionMillis),
        Effect3.sync(job.leave)
      );
    });
    const cycle = semaphore2.withPermits(1)(section);
    while (job.again()) {
      job.ask();
      yield* cycle;
      job.done();
    }
  });
  return {
    work: async (jobs) => {
      const fiber = runtime.runFork(Effect3.forEach(jobs, loop2, { concurrency: "unbounded", discard: true }));
      await Effect3.runPromise(Fiber.join(fiber));
    },
    close: async () => {
      await runtime.dispose();
      client.disconnect();
    }
  };
};

// src/contestants/redis.ts
var ttl = 1e4;
var connect = async (port2) => {
  const client = new Redis(port2, "127.0.0.1", { lazyConnect: true });
  client.on("error", () => {
  });
  await client.connect();
  return client;
};
var raw = {
  name: "ioredis alone",
  sends: ["set", "evalsha", "eval"],
  polls: true,
  open: async (port2, retryMillis = 10) => {
    const client = await connect(port2);
    const release2 = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
    const sha = String(await client.script("LOAD", release2));
    return {
      work: promised((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url");
          while (await client.set(key, token, "PX", ttl, "NX") === null) {
            await new Promise((resolve) => setTimeout(resolve, retryMillis));
          }
          return token;
        },
        release: (token) => client.evalsha(sha, 1, key, token)
      })),
      // The least that keeps locks: their tokens, and one timer for all.
      hold: async (keys2) => {
        const held = /* @__PURE__ */ new Map();
        for (const key of keys2) {
          const token = randomBytes(12).toString("base64url");
          await client.set(key, token, "PX", ttl, "NX");
          held.set(key, token);
        }
        const timer = setInterval(() => {
          for (const key of held.keys()) void client.pexpire(key, ttl);
        }, ttl / 3);
        return async () => {
          clearInterval(timer);
          for (const [key, token] of held) await client.evalsha(sha, 1, key, token);
        };
      },
      close: () => client.disconnect()
    };
  }
};
var ours2 = {
  name: "effect-lock",
  sends: ["evalsha", "eval", "subscribe", "unsubscribe"],
  polls: false,
  open: (port2) => openSession(RedisBackend.layer({ host: "127.0.0.1", port: port2 }))
};
var redlock5 = {
  name: "redlock@5",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const redlock = new Redlock5([client], {
      retryCount: -1,
      ...retryMillis !== void 0 && { retryDelay: retryMillis, retryJitter: retryMillis / 2 },
      automaticExtensionThreshold: ttl * 2 / 3
    });
    redlock.on("error", () => {
    });
    return {
      work: promised((key) => ({
        acquire: () => redlock.acquire([key], ttl),
        release: (lock) => lock.release()
      })),
      hold: holding((key, body) => redlock.using([key], ttl, body)),
      close: () => client.disconnect()
    };
  }
};
var sesamecare = {
  name: "@sesamecare-oss/redlock",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const redlock = new Sesamecare([client], {
      retryCount: -1,
      ...retryMillis !== void 0 && { retryDelay: retryMillis, retryJitter: retryMillis / 2 }
    });
    return {
      work: promised((key) => ({
        acquire: () => redlock.acquire([key], ttl),
        release: (lock) => lock.release()
      })),
      close: () => client.disconnect()
    };
  }
};
var redlock4 = {
  name: "redlock@4",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const redlock = new Redlock4([client], {
      retryCount: -1,
      ...retryMillis !== void 0 && { retryDelay: retryMillis, retryJitter: retryMillis / 2 }
    });
    return {
      work: promised((key) => ({
        acquire: () => redlock.acquire(key, ttl),
        release: (lock) => lock.unlock()
      })),
      close: () => client.disconnect()
    };
  }
};
var semaphore = {
  name: "redis-semaphore",
  sends: ["set", "evalsha", "eval"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const mutex = (key) => new Mutex(client, key, {
      lockTimeout: ttl,
      acquireTimeout: 6e4,
      refreshInterval: ttl / 3,
      ...retryMillis !== void 0 && { retryInterval: retryMillis }
    });
    return {
      work: promised((key) => {
        const lock = mutex(key);
        return { acquire: () => lock.acquire(), release: () => lock.release() };
      }),
      hold: async (keys2) => {
        const locks2 = keys2.map(mutex);
        await inGroups(locks2, (lock) => lock.acquire());
        return () => inGroups(locks2, (lock) => lock.release());
      },
      close: () => client.disconnect()
    };
  }
};
var verrou = {
  name: "@verrou/core",
  sends: ["set", "eval", "evalsha"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const factory = new LockFactory(redisStore({ connection: client }).factory(), {
      ...retryMillis !== void 0 && { retry: { delay: retryMillis } }
    });
    return {
      work: promised((key) => {
        const lock = factory.createLock(key, ttl);
        return { acquire: () => lock.acquire(), release: () => lock.release() };
      }),
      close: () => client.disconnect()
    };
  }
};
var universal = {
  name: "redlock-universal",
  sends: ["set", "eval", "evalsha", "ping"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    const adapter = new IoredisAdapter(client);
    const lockOf = (key) => createLock({
      adapter,
      key,
      ttl,
      retryAttempts: 1e6,
      performance: "lean",
      ...retryMillis !== void 0 && { retryDelay: retryMillis }
    });
    return {
      work: promised((key) => {
        const lock = lockOf(key);
        return { acquire: () => lock.acquire(), release: (held) => lock.release(held) };
      }),
      hold: holding((key, body) => lockOf(key).using(body)),
      close: () => client.disconnect()
    };
  }
};
var distributedLock = {
  name: "effect-distributed-lock",
  sends: ["eval", "evalsha", "subscribe", "unsubscribe", "info", "hello", "client|setname", "client|setinfo"],
  polls: true,
  open: async (port2, retryMillis) => {
    const client = await connect(port2);
    return open2(client, retryMillis);
  }
};
var peers = [
  redlock5,
  sesamecare,
  redlock4,
  semaphore,
  verrou,
  universal,
  distributedLock
];
var byName2 = (name2) => [raw, ours2, ...peers].find((one) => one.name === name2);
var holding = (using) => async (keys2) => {
  let end = () => {
  };
  const ended = new Promise((resolve) => end = resolve);
  const running = [];
  await inGroups(keys2, (key) => new Promise((resolve, reject) => {
    const run = using(key, () => {
      resolve();
      return ended;
    });
    run.catch(reject);
    running.push(run);
  }));
  return async () => {
    end();
    await Promise.all(running);
  };
};
var inGroups = async (items, run) => {
  for (let i = 0; i < items.length; i += 256) await Promise.all(items.slice(i, i + 256).map(run));
};

// src/lib/scenario.ts
var forceGc = () => globalThis.gc?.();
var sleep2 = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

// src/lib/stats.ts
var quantile = (values, q) => {
  const sorted = Float64Array.from(values).toSorted();
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
};
var median = (values) => quantile(values, 0.5);

// src/holder.ts
var { locks, name, port, seconds, server, windows } = JSON.parse(process.argv[2]);
var { byName: byName3 } = server === "postgres" ? postgres_exports : redis_exports;
var usage = async () => {
  const before = process.cpuUsage();
  await sleep2(seconds * 1e3);
  const { system, user } = process.cpuUsage(before);
  return (user + system) / 1e6 / seconds;
};
var heap = () => {
  forceGc();
  forceGc();
  return process.memoryUsage().heapUsed;
};
var keys = Array.from({ length: locks }, (_, i) => `held-${i}`);
var session = await byName3(name).open(port);
await (await session.hold(keys))();
await sleep2(500);
var empty = heap();
var idle = await usage();
var release = await session.hold(keys);
var bytes = (heap() - empty) / locks;
await usage();
process.send("holding");
var used = [];
while (used.length < windows) used.push(await usage());
process.on("message", async (message) => {
  if (message === "end") return process.exit();
  await release();
  await session.close();
  process.send("done");
});
process.send({ bytes, cpu: Math.max(0, median(used) - idle) });
