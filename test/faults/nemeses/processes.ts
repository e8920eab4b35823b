/** What happens to processes: they die, they stand still, their clocks jump. */
import { Effect } from "effect"
import type { Nemesis } from "../arena.ts"

/** The holder's lease ends by itself; the next one has it after that and a wake-up. */
export const death: Nemesis = {
  name: "SIGKILL",
  strike: (arena) => arena.withWorker(arena.slay)
}

/** The holder is told when it runs again. What it wrote meanwhile only a fencing token could stop. */
export const pause: Nemesis = {
  name: "SIGSTOP, SIGCONT",
  strike: (arena) =>
    arena.withWorker((worker) =>
      Effect.acquireUseRelease(
        Effect.sync(() => worker.process.kill("SIGSTOP")),
        () => Effect.sleep(arena.random.millis(0.2, 2.2) * arena.workload.expires),
        () => Effect.sync(() => worker.process.kill("SIGCONT"))
      )
    )
}

/** Four at once, holders and those who wait: together they cost the next one what one of them does. */
export const pauses: Nemesis = {
  name: "SIGSTOP of four, SIGCONT",
  strike: (arena) => {
    const millis = arena.random.millis(0.5, 2.5) * arena.workload.expires
    return Effect.all(
      Array.from({ length: 4 }, () =>
        arena.withWorker((worker) =>
          Effect.acquireUseRelease(
            Effect.sync(() => worker.process.kill("SIGSTOP")),
            () => Effect.sleep(millis),
            () => Effect.sync(() => worker.process.kill("SIGCONT"))
          )
        )),
      { concurrency: "unbounded" }
    )
  }
}

/** As a pause. */
export const blockedLoop: Nemesis = {
  name: "blocked event loop",
  strike: (arena) =>
    arena.withWorker((worker) => {
      const millis = Math.round(arena.random.millis(0.2, 2) * arena.workload.expires)
      return Effect.andThen(arena.tell(worker, `block ${millis}`), Effect.sleep(millis))
    })
}

/** Costs nothing. */
export const wallClock: Nemesis = {
  name: "wall clock jump",
  strike: (arena) =>
    arena.withWorker((worker) => arena.tell(worker, `wall ${arena.random.pick([-3_600_000, 3_600_000])}`))
}
