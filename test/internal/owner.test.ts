import { assert, describe, it } from "@effect/vitest"
import { hostname } from "node:os"
import * as Owner from "../../src/internal/owner.ts"

const on = (host: string, pid = 4711): Owner.Runtime => ({ pid, getBuiltinModule: () => ({ hostname: () => host }) })

describe("what a process is called", () => {
  it("is the host's name without its domain, and the process id", () => {
    assert.strictEqual(Owner.nameOf(on("web-3")), "web-3-4711")
    assert.strictEqual(Owner.nameOf(on("web-3.eu.example.com")), "web-3-4711")
    assert.strictEqual(Owner.nameOf(on("Büro PC")), "B-ro-PC-4711")
    assert.include(Owner.ofProcess, hostname().split(".")[0].slice(-20).replace(/[^\w-]/g, "-"))
    assert.include(Owner.ofProcess, `-${process.pid}`)
  })

  it("ends as a long host name does, which tells replicas apart", () => {
    const name = Owner.nameOf(on("a-service-with-a-very-long-name-in-production-7d9f8b6c5d-x2x4q", 4_194_304))
    assert.strictEqual(name, "ame-in-production-7d9f8b6c5d-x2x4q-4194304".slice(-40))
    assert.strictEqual(name.length, 40)
  })

  it("is what there is, where the runtime does not tell or forbids to ask", () => {
    const forbidding = () => {
      throw new Error("not capable")
    }
    assert.strictEqual(Owner.nameOf(undefined), "unknown")
    assert.strictEqual(Owner.nameOf({}), "unknown")
    assert.strictEqual(Owner.nameOf({ pid: 4711 }), "4711")
    assert.strictEqual(Owner.nameOf({ pid: 4711, getBuiltinModule: () => undefined }), "4711")
    assert.strictEqual(Owner.nameOf({ pid: 4711, getBuiltinModule: () => ({ hostname: forbidding }) }), "4711")
    assert.strictEqual(Owner.nameOf({ getBuiltinModule: () => ({ hostname: () => "web-3" }) }), "web-3")
    assert.strictEqual(Owner.nameOf(Object.defineProperty({}, "pid", { get: forbidding })), "unknown")
  })

  it("is always what an owner may be", () => {
    for (const host of ["web", "x".repeat(300), "é".repeat(50), ".", ""]) {
      assert.isTrue(Owner.isOwner(Owner.nameOf(on(host))), host)
    }
  })
})
