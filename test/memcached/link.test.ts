/** When requests go over a link. */
import { assert, it, vi } from "@effect/vitest"
import { once } from "node:events"
import { type AddressInfo, createServer, Socket } from "node:net"
import { closed, Fault } from "../../src/internal/memcached/fault.ts"
import { open } from "../../src/internal/memcached/link.ts"
import { Opcode, type Reply } from "../../src/internal/memcached/wire.ts"

const headerLength = 24

const reply = (opcode: number, opaque: number, key = "", value = ""): Buffer => {
  const bytes = Buffer.alloc(headerLength + key.length + value.length)
  bytes[0] = 0x81
  bytes[1] = opcode
  bytes.writeUInt16BE(key.length, 2)
  bytes.writeUInt32BE(key.length + value.length, 8)
  bytes.writeUInt32BE(opaque, 12)
  bytes.write(key + value, headerLength, "latin1")
  return bytes
}

/** A link to a server that says when it was started, and nothing else; and its socket. */
const linked = async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", (request: Buffer) => {
      const opaque = request.readUInt32BE(12)
      const stats = [["time", "1700000000"], ["uptime", "10"], ["", ""]]
      socket.write(Buffer.concat(stats.map(([key, value]) => reply(Opcode.stat, opaque, key, value))))
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const write = vi.spyOn(Socket.prototype, "write")
  const link = open({ host: "127.0.0.1", port }, { connectMillis: 60_000, requestMillis: 60_000 })
  await vi.waitUntil(() => link.startedAt() > 0, { timeout: 60_000 })
  const socket = write.mock.contexts.find((one): one is Socket => one instanceof Socket && one.remotePort === port)!
  /** How many requests went in each piece since it was last asked. */
  const pieces = () => {
    const sizes = write.mock.calls.flatMap(([bytes], i) =>
      write.mock.contexts[i] === socket ? [(bytes as Buffer).length / headerLength] : []
    )
    write.mockClear()
    return sizes
  }
  pieces()
  const close = () => {
    link.close(closed)
    write.mockRestore()
    server.close()
  }
  return { link, socket, pieces, close }
}

const nextTick = () => new Promise<void>((resolve) => process.nextTick(resolve))

it("has the server work on half of the requests while the replies to the other half are dealt with", async () => {
  const { close, link, pieces, socket } = await linked()
  try {
    let opaque = 0x0d0a
    let told = 0
    const ask = () => link.send({ opcode: Opcode.get, key: "" }, { hear })
    const hear = (reply: Reply | Fault): void => {
      if (reply instanceof Fault) return
      if (++told === 9) assert.deepStrictEqual(pieces(), [8])
      ask()
    }
    const answer = (count: number) =>
      void socket.emit("data", Buffer.concat(Array.from({ length: count }, () => reply(Opcode.get, ++opaque))))

    for (let i = 0; i < 16; i++) ask()
    await nextTick()
    assert.strictEqual(pieces().reduce((sum, size) => sum + size), 16)

    // Each reply leads to a request, and half of these are gone when the ninth is told.
    answer(16)
    assert.deepStrictEqual(pieces(), [8])
    answer(8)
    assert.deepStrictEqual(pieces(), [8])
    await nextTick()
    assert.deepStrictEqual(pieces(), [])
    // Few are collected until the turn ends.
    answer(3)
    assert.deepStrictEqual(pieces(), [])
    await nextTick()
    assert.deepStrictEqual(pieces(), [3])
    answer(16)
    await nextTick()
    assert.strictEqual(pieces().reduce((sum, size) => sum + size), 16)
    assert.strictEqual(told, 43)
    assert.isTrue(link.isAlive())
  } finally {
    close()
  }
})

it("sends a request that is alone at once", async () => {
  const { close, link, pieces } = await linked()
  try {
    link.send({ opcode: Opcode.get, key: "" }, { hear: () => {} })
    assert.deepStrictEqual(pieces(), [1])
  } finally {
    close()
  }
})
