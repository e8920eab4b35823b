// src/contestants/files.ts
import * as FileBackend from "#effect-lock/FileBackend";
import Database from "better-sqlite3";
import { lock as lockFile, unlock as unlockFile } from "lockfile";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, utimesSync, writeFileSync } from "node:fs";
import * as properLockfile from "proper-lockfile";

// src/lib/monotonic.ts
var monotonic = () => Number(process.hrtime.bigint()) / 1e6;

// src/contestants/contestant.ts
var pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
var promised = (lockOf) => async (jobs) => {
  await Promise.all(jobs.map(async (job) => {
    let lock2 = lockOf(job.key);
    while (job.again()) {
      if (job.newKey !== void 0) lock2 = lockOf(job.newKey());
      job.ask();
      let held;
      try {
        held = await lock2.acquire();
      } catch (error) {
        if (isGivingUp(error)) continue;
        throw error;
      }
      job.enter();
      if (job.sectionMillis > 0) await pause(job.sectionMillis);
      job.leave();
      await lock2.release(held);
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
var openSession = async (layer2) => {
  const runtime = ManagedRuntime.make(layer2);
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

// src/contestants/files.ts
var staleMillis = 2e3;
var ours = {
  name: "effect-lock",
  open: (directory) => openSession(FileBackend.layer({ directory })),
  abandon: async (directory, keys) => {
    const session = await openSession(FileBackend.layer({ directory }));
    await session.hold(keys);
  },
  attempt: async (directory, key) => {
    const session = await sessionIn(directory);
    return Promise.race([
      session.hold([key]).then(() => true),
      new Promise((resolve) => setTimeout(() => resolve(false), 3e3))
    ]);
  }
};
var sessions = /* @__PURE__ */ new Map();
var sessionIn = (directory) => {
  const session = sessions.get(directory) ?? ours.open(directory);
  sessions.set(directory, session);
  return session;
};
var proper = {
  name: "proper-lockfile",
  open: async (directory, retryMillis) => {
    const retries = retryMillis === void 0 ? { forever: true } : { forever: true, factor: 1, minTimeout: retryMillis, maxTimeout: retryMillis, randomize: true };
    return {
      work: promised((key) => ({
        acquire: () => properLockfile.lock(`${directory}/${key}`, { realpath: false, retries }),
        release: (release) => release()
      })),
      close: () => {
      }
    };
  },
  abandon: async (directory, keys) => {
    const long = new Date(Date.now() - 6e4);
    for (const key of keys) {
      mkdirSync(`${directory}/${key}.lock`);
      utimesSync(`${directory}/${key}.lock`, long, long);
    }
  },
  attempt: (directory, key) => properLockfile.lock(`${directory}/${key}`, { realpath: false, stale: staleMillis, onCompromised: () => {
  } }).then(() => true, () => false)
};
var lockfile = {
  name: "lockfile",
  open: async (directory, retryMillis = 100) => ({
    work: promised((key) => ({
      acquire: () => new Promise((resolve, reject) => {
        const path = `${directory}/${key}`;
        lockFile(path, { wait: 1e8, pollPeriod: retryMillis }, (error) => error ? reject(error) : resolve(path));
      }),
      release: (path) => new Promise((resolve) => unlockFile(path, resolve))
    })),
    close: () => {
    }
  }),
  abandon: async (directory, keys) => {
    for (const key of keys) closeSync(openSync(`${directory}/${key}`, "wx"));
    await new Promise((resolve) => setTimeout(resolve, staleMillis + 500));
  },
  attempt: (directory, key) => new Promise((resolve) => lockFile(`${directory}/${key}`, { stale: staleMillis }, (error) => resolve(!error)))
};
var sqlite = {
  name: "better-sqlite3",
  open: async (directory, retryMillis = 5) => {
    const isNew = !existsSync(`${directory}/locks.db`);
    const database = new Database(`${directory}/locks.db`);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    if (isNew) writeFileSync(`${directory}/made`, "");
    database.exec("CREATE TABLE IF NOT EXISTS locks (key TEXT PRIMARY KEY, token TEXT, until REAL, fence INTEGER)");
    const take = database.prepare(
      "INSERT INTO locks VALUES (@key, @token, @until, 1) ON CONFLICT (key) DO UPDATE SET token = @token, until = @until, fence = fence + 1 WHERE token IS NULL OR until <= @now RETURNING fence"
    );
    const give = database.prepare("UPDATE locks SET token = NULL WHERE key = @key AND token = @token");
    return {
      work: promised((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url");
          for (; ; ) {
            const now = monotonic();
            if (take.get({ key, token, until: now + 36e5, now }) !== void 0) return token;
            await new Promise((resolve) => setTimeout(resolve, retryMillis * (0.5 + Math.random())));
          }
        },
        release: async (token) => give.run({ key, token })
      })),
      close: () => void database.close()
    };
  }
};
var flock = {
  name: "flock(1)",
  open: async (directory) => ({
    work: promised((key) => ({
      acquire: () => new Promise((resolve, reject) => {
        const child = spawn("flock", [`${directory}/${key}`, "sh", "-c", "echo; read line"], {
          stdio: ["pipe", "pipe", "inherit"]
        });
        child.once("error", reject);
        child.stdout.once("data", () => resolve(child));
      }),
      release: (child) => new Promise((resolve) => {
        child.once("exit", resolve);
        child.stdin.end("\n");
      })
    })),
    close: () => {
    }
  })
};
var peers = [proper, lockfile, sqlite, flock];
var byName = (name) => [ours, ...peers].find((one) => one.name === name);

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
function check(condition, message) {
  if (!condition) throw new Error(`not correct: ${message}`);
}
var sleep2 = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

// src/filer.ts
var sessions2 = /* @__PURE__ */ new Map();
var sessionOf = ({ contestant, directory, retryMillis }) => {
  const id = `${contestant} ${directory} ${retryMillis}`;
  const session = sessions2.get(id) ?? byName(contestant).open(directory, retryMillis);
  sessions2.set(id, session);
  return session;
};
var forever = (session, keys, enter) => {
  const job = (key) => ({
    key,
    sectionMillis: 1e9,
    again: () => true,
    ask: () => {
    },
    enter,
    leave: () => {
    },
    done: () => {
    }
  });
  void session.work(keys.map(job));
};
var work = async (order) => {
  const { contestant, directory, keys } = order;
  if (order.do === "abandon") {
    await byName(contestant).abandon(directory, keys);
    return true;
  }
  if (order.do === "takeOver") {
    while (monotonic() < order.startAt) {
    }
    const got = await Promise.all(keys.map((key) => byName(contestant).attempt(directory, key)));
    return keys.filter((_, i) => got[i]);
  }
  const session = await sessionOf(order);
  if (order.do === "hold") {
    await new Promise((resolve) => {
      let entered = 0;
      forever(session, keys, () => {
        if (++entered === keys.length) resolve();
      });
    });
    return true;
  }
  if (order.do === "wait") {
    forever(session, keys, () => check(false, `${contestant} let somebody in`));
    await sleep2(1500);
    const before = process.cpuUsage();
    await sleep2(order.millis);
    const { system, user } = process.cpuUsage(before);
    return (user + system) / 1e3 / order.millis;
  }
  const { endAt, sectionMillis, startAt } = order;
  const log = [];
  const jobs = keys.map((key) => {
    let asked = 0;
    let entered = 0;
    let left = 0;
    return {
      key,
      sectionMillis,
      again: () => monotonic() < endAt,
      ask: () => asked = monotonic(),
      enter: () => entered = monotonic(),
      leave: () => left = monotonic(),
      done: () => log.push(asked, entered, left, monotonic())
    };
  });
  await sleep2(Math.max(0, startAt - monotonic()));
  await session.work(jobs);
  return Float64Array.from(log);
};
process.once("disconnect", () => process.exit());
serve(work);
