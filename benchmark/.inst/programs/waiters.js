var __defProp = Object.defineProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

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

// src/contestants/memcached.ts
var memcached_exports = {};
__export(memcached_exports, {
  byName: () => byName,
  ours: () => ours,
  polling: () => polling,
  raw: () => raw
});
import * as MemcacheBackend from "#effect-lock/MemcacheBackend";
import { Client } from "memjs";
import { randomBytes } from "node:crypto";

// src/lib/scenario.ts
function check(condition, message) {
  if (!condition) throw new Error(`not correct: ${message}`);
}
var sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

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
var openSession = async (layer5) => {
  const runtime = ManagedRuntime.make(layer5);
  await runtime.context();
  return {
    work: (jobs) => runtime.runPromise(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true })),
    hold: async (keys) => {
      const scope = Scope.makeUnsafe();
      await runtime.runPromise(
        Effect.forEach(keys, (key) => Scope.provide(Lock.acquire(key, options), scope), {
          concurrency: 256,
          discard: true
        })
      );
      return () => runtime.runPromise(Scope.close(scope, Exit.void));
    },
    close: () => runtime.dispose()
  };
};

// src/contestants/memcached.ts
var raw = {
  name: "memjs alone",
  sends: [],
  polls: true,
  open: async (port) => {
    const client = Client.create(`127.0.0.1:${port}`);
    return {
      work: promised((key) => ({
        acquire: () => client.add(key, randomBytes(12).toString("base64url"), { expires: 10 }),
        release: () => client.delete(key)
      })),
      close: () => client.close()
    };
  }
};
var polling = {
  name: "memjs alone",
  sends: [],
  polls: true,
  open: async (port, retryMillis = 5) => {
    const client = Client.create(`127.0.0.1:${port}`);
    return {
      work: promised((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url");
          while (!await client.add(key, token, { expires: 10 })) await sleep(retryMillis * (0.5 + Math.random()));
          return true;
        },
        release: () => client.delete(key)
      })),
      close: () => client.close()
    };
  }
};
var ours = {
  name: "effect-lock",
  sends: [],
  polls: true,
  open: (port) => openSession(MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }))
};
var byName = (name) => name === ours.name ? ours : polling;

// src/contestants/postgres.ts
var postgres_exports = {};
__export(postgres_exports, {
  advisory: () => advisory,
  byName: () => byName2,
  commits: () => commits,
  contestants: () => contestants,
  ours: () => ours2,
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
var urlOf = (port) => `postgres://app@127.0.0.1:${port}/postgres`;
var open = async (port) => {
  const scope = Scope2.makeUnsafe();
  const sql = await Effect2.runPromise(
    PgClient.make({ url: Redacted.make(urlOf(port)), maxConnections: 10 }).pipe(
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
  open: async (port, retryMillis = 50) => {
    const { close: close3, sql } = await open(port);
    const run = (text, parameters) => Effect2.runPromise(Effect2.withTracerEnabled(sql.unsafe(text, parameters).values, false));
    const attempt = async (name) => {
      const updated = await run(
        `UPDATE shedlock SET lock_until = clock_timestamp() + interval '10 s', locked_at = clock_timestamp(), locked_by = $2
        WHERE name = $1 AND lock_until <= clock_timestamp() RETURNING 1`,
        [name, "us"]
      );
      if (updated.length > 0) return true;
      const inserted = await run(
        `INSERT INTO shedlock VALUES ($1, clock_timestamp() + interval '10 s', clock_timestamp(), $2)
        ON CONFLICT DO NOTHING RETURNING 1`,
        [name, "us"]
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
  open: async (port) => {
    const { close: close3, sql } = await open(port);
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
var ours2 = {
  name: "effect-lock",
  sends: [],
  polls: false,
  open: (port) => openSession(SqlBackend.layer({ url: urlOf(port) }))
};
var contestants = [row, advisory, ours2];
var byName2 = (name) => contestants.find((one) => one.name === name) ?? ours2;
var prepare = async (port) => {
  const { close: close3, sql } = await open(port);
  await Effect2.runPromise(sql.unsafe(await Effect2.runPromise(SqlBackend.createTable())));
  await Effect2.runPromise(sql`CREATE TABLE shedlock
    (name text PRIMARY KEY, lock_until timestamptz NOT NULL, locked_at timestamptz NOT NULL, locked_by text NOT NULL)`);
  await close3();
};
var commits = async (port) => {
  const { close: close3, sql } = await open(port);
  const rows = await Effect2.runPromise(sql`SELECT xact_commit AS n FROM pg_stat_database
    WHERE datname = current_database()`);
  await close3();
  return Number(rows[0].n);
};

// src/contestants/redis.ts
var redis_exports = {};
__export(redis_exports, {
  byName: () => byName3,
  ours: () => ours3,
  peers: () => peers,
  raw: () => raw2
});
import * as RedisBackend from "#effect-lock/RedisBackend";
import { Redlock as Sesamecare } from "@sesamecare-oss/redlock";
import { LockFactory } from "@verrou/core";
import { redisStore } from "@verrou/core/drivers/redis";
import { Redis } from "ioredis";
import { randomBytes as randomBytes2 } from "node:crypto";
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
var connect = async (port) => {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true });
  client.on("error", () => {
  });
  await client.connect();
  return client;
};
var raw2 = {
  name: "ioredis alone",
  sends: ["set", "evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis = 10) => {
    const client = await connect(port);
    const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
    const sha = String(await client.script("LOAD", release));
    return {
      work: promised((key) => ({
        acquire: async () => {
          const token = randomBytes2(12).toString("base64url");
          while (await client.set(key, token, "PX", ttl, "NX") === null) {
            await new Promise((resolve) => setTimeout(resolve, retryMillis));
          }
          return token;
        },
        release: (token) => client.evalsha(sha, 1, key, token)
      })),
      // The least that keeps locks: their tokens, and one timer for all.
      hold: async (keys) => {
        const held = /* @__PURE__ */ new Map();
        for (const key of keys) {
          const token = randomBytes2(12).toString("base64url");
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
var ours3 = {
  name: "effect-lock",
  sends: ["evalsha", "eval", "subscribe", "unsubscribe"],
  polls: false,
  open: (port) => openSession(RedisBackend.layer({ host: "127.0.0.1", port }))
};
var redlock5 = {
  name: "redlock@5",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
      hold: async (keys) => {
        const locks = keys.map(mutex);
        await inGroups(locks, (lock) => lock.acquire());
        return () => inGroups(locks, (lock) => lock.release());
      },
      close: () => client.disconnect()
    };
  }
};
var verrou = {
  name: "@verrou/core",
  sends: ["set", "eval", "evalsha"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
  open: async (port, retryMillis) => {
    const client = await connect(port);
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
var byName3 = (name) => [raw2, ours3, ...peers].find((one) => one.name === name);
var holding = (using) => async (keys) => {
  let end = () => {
  };
  const ended = new Promise((resolve) => end = resolve);
  const running = [];
  await inGroups(keys, (key) => new Promise((resolve, reject) => {
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

// src/waiters.ts
var sessions = /* @__PURE__ */ new Map();
var work = async (order) => {
  const { contestant, endAt, key, port, retryMillis, sectionMillis, server, startAt, waiters } = order;
  const { byName: byName4 } = server === void 0 ? redis_exports : server === "postgres" ? postgres_exports : memcached_exports;
  const id = `${contestant} ${retryMillis}`;
  let session = sessions.get(id);
  if (session === void 0) sessions.set(id, session = await byName4(contestant).open(port, retryMillis));
  const logs = Array.from({ length: waiters }, () => []);
  let inside = 0;
  const jobs = logs.map((log) => {
    let asked = NaN;
    let entered = 0;
    let fence = NaN;
    return {
      key,
      sectionMillis,
      again: () => monotonic() < endAt,
      ask: () => {
        if (Number.isNaN(asked)) asked = monotonic();
      },
      enter: (fencingToken = NaN) => {
        entered = monotonic();
        check(++inside === 1, `${contestant} let two in`);
        fence = fencingToken;
      },
      leave: () => {
        inside--;
        log.push(asked, entered, monotonic(), fence);
        asked = NaN;
      },
      done: () => {
      }
    };
  });
  await sleep(Math.max(0, startAt - monotonic()));
  await session.work(jobs);
  return logs.map((log) => Float64Array.from(log));
};
serve(work);
