import { assert, it } from "@effect/vitest"
import { Outbox } from "../../src/internal/memcached/outbox.ts"
import { Opcode, type Request, writeRequest } from "../../src/internal/memcached/wire.ts"

/** The message of a request by itself. */
const message = (request: Request, opaque: number): Buffer => {
  const bytes = Buffer.alloc(1_000_000)
  return bytes.subarray(0, writeRequest(bytes, 0, request, opaque))
}

it("sends all requests in their order, whatever their length, and never touches what it has given away", () => {
  const outbox = new Outbox()
  const pieces: Array<{ readonly piece: Buffer; readonly copy: Buffer }> = []
  const sent: Array<Buffer> = []
  for (let i = 0; i < 3_000; i++) {
    const value = "v".repeat(i % 100 === 99 ? 40_000 : i % 90)
    const request = { opcode: Opcode.add, key: `key-${i}`, value, exptime: 7, cas: i * 0x1_0000_0001 }
    outbox.add(request, i)
    sent.push(message(request, i))
    assert.isAbove(outbox.size, 0)
    if (i % 7 === 0) {
      const piece = outbox.take()
      pieces.push({ piece, copy: Buffer.from(piece) })
      assert.strictEqual(outbox.size, 0)
    }
  }
  pieces.push({ piece: outbox.take(), copy: Buffer.alloc(0) })
  assert.isTrue(Buffer.concat(sent).equals(Buffer.concat(pieces.map(({ piece }) => piece))))
  for (const { copy, piece } of pieces.slice(0, -1)) assert.isTrue(piece.equals(copy))
})

it("writes a message as the protocol says", () => {
  const request = {
    opcode: Opcode.replace,
    key: "lock:k",
    value: "\u00ff",
    exptime: 0x0102,
    cas: 0x1_0002_0304 * 0x100
  }
  assert.strictEqual(
    message(request, 0xfe).toString("hex"),
    [
      "80030006 08000000 0000000f 000000fe 00000100 02030400 00000000 00000102",
      Buffer.from("lock:k").toString("hex"),
      "ff"
    ].join("").replace(/ /g, "")
  )
})
