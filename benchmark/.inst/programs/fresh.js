// src/fresh.ts
import { Lock } from "#effect-lock";
import * as RedisBackend from "#effect-lock/RedisBackend";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";

// src/lib/processes.ts
var serve = (work) => {
  process.on("message", (order) => {
    work(order).then((answer) => process.send(answer), (error) => {
      console.error(error);
      process.exit(1);
    });
  });
};

// src/lib/scenario.ts
function check(condition, message) {
  if (!condition) throw new Error(`not correct: ${message}`);
}
var sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

// src/lib/stats.ts
var quantile = (values, q) => {
  const sorted = Float64Array.from(values).toSorted();
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
};

// src/fresh.ts
var expires = 1e4;
var raw = async (port) => {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true });
  await client.connect();
  const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
  const sha = String(await client.script("LOAD", release));
  const once = async (key) => {
    const token = randomBytes(12).toString("base64url");
    while (await client.set(key, token, "PX", expires, "NX") === null) await sleep(10);
    await client.evalsha(sha, 1, key, token);
  };
  return {
    once,
    loop: async (nextKey, done) => {
      for (let key = nextKey(); key !== void 0; key = nextKey()) {
        await once(key);
        done();
      }
    }
  };
};
var ours = async (port, awaitRelease) => {
  const runtime = ManagedRuntime.make(RedisBackend.layer({ host: "127.0.0.1", port }));
  await runtime.context();
  const section = (key) => Effect.void.pipe(Lock.withLock(key, { expires, timeout: "Infinity", awaitRelease }));
  return {
    once: (key) => runtime.runPromise(section(key)),
    loop: (nextKey, done) => {
      let key;
      return runtime.runPromise(Effect.whileLoop({
        while: () => (key = nextKey()) !== void 0,
        body: () => section(key),
        step: done
      }));
    },
    wait: (keys2) => {
      const fibers = keys2.map((key) => runtime.runFork(section(key)));
      return () => runtime.runPromise(Fiber.interruptAll(fibers));
    }
  };
};
var sessions = /* @__PURE__ */ new Map();
var figures = (latencies, millis, cpu) => ({
  calls: latencies.length,
  rate: latencies.length / millis * 1e3,
  p50: quantile(latencies, 0.5),
  p99: quantile(latencies, 0.99),
  p999: quantile(latencies, 0.999),
  cpu: (cpu.user + cpu.system) / latencies.length
});
var keys = 0;
var closed = async (session, workers, millis) => {
  const latencies = [];
  const cpu = process.cpuUsage();
  const start2 = performance.now();
  const work = () => {
    let asked = 0;
    return session.loop(() => {
      asked = performance.now();
      return asked < start2 + millis ? `fresh-${++keys}` : void 0;
    }, () => latencies.push(performance.now() - asked));
  };
  await Promise.all(Array.from({ length: workers }, work));
  return figures(latencies, performance.now() - start2, process.cpuUsage(cpu));
};
var open = async (session, perSecond, among, millis) => {
  const latencies = [];
  const calls = [];
  const cpu = process.cpuUsage();
  const start2 = performance.now();
  const count = perSecond * millis / 1e3;
  while (calls.length < count) {
    for (let due = start2; (due = start2 + calls.length * 1e3 / perSecond) <= performance.now() && calls.length < count; ) {
      const key = `open-${Math.floor(Math.random() * among)}`;
      calls.push(session.once(key).then(() => void latencies.push(performance.now() - due)));
    }
    await sleep(1);
  }
  await Promise.all(calls);
  return figures(latencies, performance.now() - start2, process.cpuUsage(cpu));
};
var waiting = async (session, waiters, millis) => {
  const stop = session.wait(Array.from({ length: waiters }, (_, i) => `held-${i}`));
  await sleep(15e3);
  process.send("waiting");
  const cpu = process.cpuUsage();
  await sleep(millis);
  const { system, user } = process.cpuUsage(cpu);
  process.send("waited");
  await stop();
  return { calls: waiters, rate: 0, p50: 0, p99: 0, p999: 0, cpu: (user + system) / millis * 1e3 };
};
serve(async (order) => {
  const { contestant, millis, port } = order;
  let opened = sessions.get(contestant);
  if (opened === void 0) {
    sessions.set(
      contestant,
      opened = contestant === "ioredis alone" ? raw(port) : ours(port, contestant === "effect-lock")
    );
  }
  const session = await opened;
  const result = order.kind === "closed" ? await closed(session, order.workers, millis) : order.kind === "open" ? await open(session, order.perSecond, order.keys, millis) : await waiting(session, order.waiters, millis);
  check(result.calls > 0, "nothing was done");
  return result;
});
