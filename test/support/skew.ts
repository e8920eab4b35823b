/** Redis servers whose clock is off. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { isInstalled } from "../../scripts/installed.ts"
import { directory } from "./directory.ts"
import { redisArgs } from "./redis.ts"
import { freePort, type Server, ServerError, start } from "./server.ts"

export const canSkew = process.platform === "linux" && isInstalled("cc")

/** Takes the place of what the C library says the time is, monotonic clocks aside. */
const source = `
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) { const char *text = getenv("CLOCK_AHEAD"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t id, struct timespec *at) {
  long result = syscall(SYS_clock_gettime, id, at);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) at->tv_sec += ahead();
  return result;
}
int gettimeofday(struct timeval *at, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}
`

/** A server whose clock is ahead by so many seconds, or behind. */
export const skewedRedis = (
  seconds: number,
  ...more: ReadonlyArray<string>
): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const dir = yield* directory
    const library = join(dir, "clock.so")
    writeFileSync(join(dir, "clock.c"), source)
    const { status, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, join(dir, "clock.c")])
    if (status !== 0) return yield* new ServerError({ message: `cc: ${stderr}` })
    const port = yield* freePort
    const environment = [`LD_PRELOAD=${library}`, `CLOCK_AHEAD=${seconds}`]
    return yield* start("env", [...environment, "redis-server", ...redisArgs(port, more)], port)
  })
