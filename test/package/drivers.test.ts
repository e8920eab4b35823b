/** That a driver is loaded by the built package when its backend is used, and is not missed before. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { root } from "../../scripts/doctest.ts"
import { isInstalled } from "../../scripts/installed.ts"
import { directory } from "../support/directory.ts"
import { serverUrl } from "../support/urls.ts"
import { built } from "./packed.ts"

const node = (cwd: string, ...args: ReadonlyArray<string>) =>
  Effect.map(Effect.promise(() => promisify(execFile)(process.execPath, args, { cwd })), ({ stdout }) => stdout.trim())

/** Runs a program in a project with the build, these packages, and nothing else installed. */
const project = Effect.fnUntraced(function*(...packages: ReadonlyArray<string>) {
  const user = yield* directory
  const home = join(user, "node_modules/effect-lock")
  mkdirSync(home, { recursive: true })
  for (const name of packages) {
    symlinkSync(join(root, "node_modules", name), join(user, "node_modules", name), "junction")
  }
  cpSync(join(root, "package.json"), join(home, "package.json"))
  cpSync(yield* Effect.promise(built), join(home, "dist"), { recursive: true })
  return (url: string) =>
    node(
      user,
      "--input-type=module",
      "--eval",
      `import { Effect } from "effect"
       import { Lock, LockBackend } from "effect-lock"
       import * as BackendUrl from "effect-lock/BackendUrl"
       LockBackend.LockBackend.useSync((backend) => backend.name).pipe(
         Lock.withLock("key", { timeout: "5 seconds" }),
         Effect.provide(BackendUrl.layer(process.argv[1])),
         Effect.catch((error) => Effect.succeed(error.reason._tag + " " + error.reason.kind + "\\n" + error.message)),
         Effect.runPromise
       ).then(console.log)`,
      url
    )
})

describe("the built package", () => {
  it.live("needs no driver that is not used, and says what to install when one is", () =>
    Effect.gen(function*() {
      const use = yield* project("effect")
      assert.strictEqual(yield* use("memory://"), "memory")
      assert.strictEqual(
        yield* use("redis://user:hunter2@localhost"),
        "BackendFailure Unsupported\nredis could not connect (Unsupported): " +
          "the package \"ioredis\" cannot be loaded, install it with: npm install ioredis"
      )
      assert.strictEqual(
        yield* use("memcache://user:hunter2@localhost"),
        "BackendFailure Unsupported\nmemcached could not connect (Unsupported): " +
          "the package \"memjs\" cannot be loaded, install it with: npm install memjs"
      )
    }))

  it.live.skipIf(!isInstalled("redis") || !isInstalled("memcached"))(
    "loads each driver when it is used",
    () =>
      Effect.gen(function*() {
        const use = yield* project("effect", "ioredis", "memjs")
        assert.strictEqual(yield* use(yield* serverUrl("redis")), "redis")
        assert.strictEqual(yield* use(yield* serverUrl("memcached")), "memcached")
      })
  )
})
