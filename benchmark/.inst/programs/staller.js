// src/staller.ts
import { Lock } from "#effect-lock";
import * as MemcacheBackend from "#effect-lock/MemcacheBackend";
import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";

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

// src/staller.ts
var lost = 0;
var hold = (port, locks) => new Promise((resolve) => {
  const runtime = ManagedRuntime.make(MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }));
  let held = 0;
  const enter = Effect.sync(() => {
    if (++held === locks) resolve();
  });
  for (let i = 0; i < locks; i++) {
    const section = Lock.withLock(Effect.andThen(enter, Effect.never), `held-${i}`, {
      expires: "6 seconds",
      timeout: "Infinity"
    });
    runtime.runFork(Effect.onError(section, () => Effect.sync(() => lost++)));
  }
});
serve(async (order) => {
  if ("port" in order) {
    await hold(order.port, order.locks);
    return 0;
  }
  const before = process.cpuUsage();
  await sleep(order.millis);
  const { system, user } = process.cpuUsage(before);
  check(lost === 0, `${lost} locks were lost`);
  return (system + user) / 1e3;
});
