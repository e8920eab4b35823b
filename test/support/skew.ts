/** Servers whose clock is wrong, and jumps. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isInstalled } from "../../scripts/installed.ts"
import { directory } from "./directory.ts"
import { once } from "./once.ts"
import { type Postgres, postgresIn, writable } from "./postgres.ts"
import { redisArgs } from "./redis.ts"
import { freePort, type Server, ServerError, start } from "./server.ts"

export const canSkew = process.platform === "linux" && isInstalled("cc")

/**
 * Replaces the functions of the C library that tell the time, except monotonic clocks. The offset in milliseconds is in a file
 * that all processes of a server map into their memory.
 */
const source = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const long none = 0;
static const volatile long *ahead = &none;
__attribute__((constructor)) static void find(void) {
  const char *path = getenv("CLOCK_AHEAD");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file < 0) return;
  void *at = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) ahead = at;
  close(file);
}
int clock_gettime(clockid_t id, struct timespec *at) {
  long result = syscall(SYS_clock_gettime, id, at);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
    long nanos = at->tv_nsec + *ahead % 1000 * 1000000;
    at->tv_sec += *ahead / 1000 + (nanos >= 1000000000) - (nanos < 0);
    at->tv_nsec = (nanos + 1000000000) % 1000000000;
  }
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

const library: Effect.Effect<string, ServerError> = Effect.tryPromise({
  try: () =>
    once("clock", (path) => {
      mkdirSync(path)
      chmodSync(path, 0o755)
      writeFileSync(join(path, "clock.c"), source)
      const args = ["-shared", "-fPIC", "-O1", "-o", join(path, "clock.so"), join(path, "clock.c")]
      const { status, stderr } = spawnSync("cc", args)
      if (status !== 0) throw new Error(`cc: ${stderr}`)
    }, "outside"),
  catch: (error) => new ServerError({ message: String(error) })
})

interface Clock {
  readonly environment: Record<string, string>
  /** Sets how many milliseconds it is ahead, or behind. */
  readonly set: (millis: number) => void
}

const clockIn = (directory: string): Effect.Effect<Clock, ServerError> =>
  Effect.map(library, (path) => {
    const file = join(directory, "ahead")
    const set = (millis: number) => writeFileSync(file, new BigInt64Array([BigInt(millis)]), { flag: "r+" })
    writeFileSync(file, new BigInt64Array(1))
    chmodSync(file, 0o644)
    return { environment: { LD_PRELOAD: join(path, "clock.so"), CLOCK_AHEAD: file }, set }
  })

/** A server whose clock is ahead, or behind, by so many seconds. */
export const skewedRedis = (
  seconds: number,
  ...more: ReadonlyArray<string>
): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const { environment, set } = yield* clockIn(yield* directory)
    set(seconds * 1000)
    const port = yield* freePort
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
    return yield* start("env", [...variables, "redis-server", ...redisArgs(port, more)], port)
  })

interface Skewed extends Postgres {
  /** Sets how many milliseconds the server's clock is ahead of ours, or behind: at once in all of its processes. */
  readonly setClock: (millis: number) => void
}

/** A server whose clock jumps when told to. */
export const skewedPostgres: Effect.Effect<Skewed, ServerError, Scope.Scope> = Effect.gen(function*() {
  const { environment, set } = yield* clockIn(yield* writable)
  return { ...yield* postgresIn(environment), setClock: set }
})
