/** What goes over the wire, without a server. */
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { parseServers, parseUrl } from "../../src/internal/memcached/address.ts"
import * as Content from "../../src/internal/memcached/content.ts"
import { fencingToken } from "../../src/internal/memcached/fencing.ts"
import { pin } from "../../src/internal/memcached/pin.ts"
import * as Wire from "../../src/internal/memcached/wire.ts"

describe("expiry", () => {
  it("leaves two whole seconds to the server's clock, and 50 ms to the lateness of its ticks", () => {
    const seconds = [1, 50, 500, 949, 950, 951, 1000, 1949, 1950, 1951, 9500].map(Wire.exptime)
    assert.deepStrictEqual(seconds, [3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 12])
  })

  it("is never zero, which would mean for ever, and stays below the 30 days that would mean a date", () => {
    assert.isAbove(Wire.exptime(0.001), 2)
    assert.isBelow(Wire.exptime(Wire.maxExpiresMillis), 30 * 24 * 3600)
  })
})

describe("keys", () => {
  it("stay readable where memcached can take them", () => {
    assert.strictEqual(Wire.encodeKey("lock:", "order-1"), "lock:order-1")
    assert.strictEqual(Wire.encodeKey("", "a:b#c/d"), "a:b#c/d")
    assert.strictEqual(Wire.encodeKey("lock:", "k".repeat(245)).length, 250)
  })

  const odd = [
    "",
    " ",
    "a b",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\0b",
    "ü",
    "u\u0308",
    "日本",
    "👩‍👩‍👧",
    "\ud800",
    "\ud801",
    "\udc00",
    "#",
    "#a",
    "#a_b#",
    "\x7f",
    "k".repeat(246),
    "k".repeat(1000),
    "k".repeat(1001),
    `${"k".repeat(245)}ü`
  ]

  it("that memcached cannot take are encoded without collision", () => {
    const encoded = odd.map((key) => Wire.encodeKey("lock:", key))
    assert.strictEqual(new Set(encoded).size, odd.length)
    for (const key of encoded) {
      assert.match(key, /^lock:[\x21-\x7e]*$/)
      assert.isAtMost(key.length, 250)
    }
    // A key that looks like an encoded one is another key; only the empty one is the same both ways.
    const twice = encoded.map((key) => Wire.encodeKey("lock:", key.slice("lock:".length)))
    assert.strictEqual(new Set([...encoded, ...twice]).size, odd.length * 2 - 1)
  })

  it("keep what is readable of them", () => {
    assert.match(Wire.encodeKey("lock:", "report of müller"), /^lock:#report_of_m_ller#[\w-]{43}$/)
  })
})

describe("contents", () => {
  const token = "12-abc_DEF-1234.k3x.A-Za-z0-9_"
  const decode = (text: string) => Content.decode(Buffer.from(text))

  it("come back as they were written", () => {
    for (const holder of [token, undefined]) {
      for (const waiters of [[], ["a"], ["-b", "~not", "c.1"].filter((waiter) => !waiter.startsWith("~"))]) {
        const content = { token: holder, time: 1_790_000_000_123, waiters, full: false }
        assert.deepStrictEqual(decode(Content.encode(holder, content.time, waiters)), content)
      }
    }
  })

  it("keep the order of those who came, without those who went", () => {
    const log = [
      Content.joining("a"),
      Content.joining("b"),
      Content.joining("a"),
      Content.leaving("a"),
      Content.joining("c"),
      Content.leaving("x"),
      Content.joining("a")
    ]
    assert.deepStrictEqual(decode(Content.encode(token, 1, []) + log.join(""))?.waiters, ["b", "c", "a"])
  })

  it("take no more waiters when they are long, or of the version before", () => {
    const many = Array.from({ length: 300 }, (_, i) => `${token}${i}`)
    assert.isTrue(decode(Content.encode(token, 1, many))?.full)
    assert.deepStrictEqual(decode(`1 2 ${token}`), { token, time: 2, waiters: [], full: true })
  })

  it("of somebody else's making are recognized", () => {
    for (
      const value of [
        "",
        "2",
        "2 2",
        "2 2 ",
        "3 3 token",
        "hello",
        "2 x token",
        "2 2 to ken",
        "2 2 token\n3",
        "2 2 t +",
        "2 2 t  +a",
        "2 2 t +a ",
        "2 2 t +*",
        "2 2 ** +a"
      ]
    ) {
      assert.isUndefined(decode(value), value)
    }
  })
})

describe("fencing tokens", () => {
  const start = 1_790_000_000

  it("leave room for seven hand-overs between two numbers of the server", () => {
    assert.strictEqual(fencingToken(start, 2) - fencingToken(start, 1), 8)
  })

  it("grow over a restart, although the server counts from 1 again", () => {
    assert.isBelow(fencingToken(start, 999_999) + 7, fencingToken(start + 1, 1))
  })

  it("are safe integers until 2055", () => {
    const date = Date.UTC(2055, 0, 1) / 1000
    assert.isTrue(Number.isSafeInteger(fencingToken(date, 1_000_000_000_000) + 7))
    assert.isAbove(fencingToken(Date.UTC(2020, 0, 1) / 1000, 1), 0)
  })
})

describe("several servers", () => {
  const servers = ["a:1", "b:1", "c:1", "d:1"].map((name) => ({ name }))
  const keys = Array.from({ length: 1000 }, (_, i) => `lock:${i}`)

  it("share the keys, whatever the order of the list", () => {
    const counts = new Map<string, number>()
    for (const key of keys) {
      const { name } = pin(servers, key)
      assert.strictEqual(pin(servers.toReversed(), key).name, name)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    for (const { name } of servers) assert.isAbove(counts.get(name) ?? 0, 180)
  })

  it("keep their keys when another one leaves", () => {
    for (const key of keys) {
      const { name } = pin(servers, key)
      if (name !== "d:1") assert.strictEqual(pin(servers.slice(0, 3), key).name, name)
    }
  })
})

describe("addresses", () => {
  it("are hosts with or without a port, IPv6 too", () => {
    const parsed = parseServers(["cache", "cache-2.example:11212", "10.0.0.1:1", "::1", "[::1]", "[fe80::1]:65535"])
    assert.deepStrictEqual(Result.getOrThrow(parsed), [
      { host: "cache", port: 11211 },
      { host: "cache-2.example", port: 11212 },
      { host: "10.0.0.1", port: 1 },
      { host: "::1", port: 11211 },
      { host: "::1", port: 11211 },
      { host: "fe80::1", port: 65535 }
    ])
  })

  it("that make no sense are refused, without showing what may be a password", () => {
    for (
      const server of ["", " ", "a b", "a:", "a:0", "a:65536", "a:x", "a:1:2", "[a]:1", "[::1", "a/b", "u:secret@a"]
    ) {
      const parsed = parseServers(["ok", server])
      assert.isTrue(Result.isFailure(parsed), server)
      if (Result.isFailure(parsed)) assert.notInclude(parsed.failure.message, "secret")
    }
    assert.isTrue(Result.isFailure(parseServers([])))
  })
})

describe("replies", () => {
  const frame = (opcode: number, opaque: number, key: string, value: string): Buffer => {
    const extras = opcode === Wire.Opcode.get ? 4 : 0
    const bytes = Buffer.alloc(24 + extras)
    bytes[0] = 0x81
    bytes[1] = opcode
    bytes.writeUInt16BE(key.length, 2)
    bytes[4] = extras
    bytes.writeUInt32BE(extras + key.length + value.length, 8)
    bytes.writeUInt32BE(opaque, 12)
    bytes.writeBigUInt64BE(2n ** 50n + BigInt(opaque), 16)
    return Buffer.concat([bytes, Buffer.from(key + value)])
  }
  const stream = Buffer.concat([
    frame(Wire.Opcode.add, 1, "", ""),
    frame(Wire.Opcode.get, 2, "", "2 1 token"),
    frame(Wire.Opcode.stat, 3, "pid", "17"),
    frame(Wire.Opcode.delete, 4, "", "")
  ])
  const read = (chunks: ReadonlyArray<Buffer>) => {
    const frames = new Wire.Frames()
    const seen: Array<string> = []
    for (const chunk of chunks) {
      const senseless = frames.push(chunk, ({ cas, key, opaque, opcode, value }) => {
        seen.push(`${opcode} ${opaque} ${cas - 2 ** 50} ${key} ${value}`)
        return true
      })
      if (senseless !== undefined) seen.push(`senseless: ${senseless}`)
    }
    return seen
  }
  const all = ["2 1 1  ", "0 2 2  2 1 token", "16 3 3 pid 17", "4 4 4  "]

  it("are cut out of what arrives, however it is cut", () => {
    assert.deepStrictEqual(read([stream]), all)
    assert.deepStrictEqual(read(Array.from(stream, (byte) => Buffer.of(byte))), all)
    for (let at = 1; at < stream.length; at++) {
      assert.deepStrictEqual(read([stream.subarray(0, at), stream.subarray(at)]), all)
    }
  })

  it("end where something else begins", () => {
    assert.deepStrictEqual(read([Buffer.from("ERROR\r\n")]), ["senseless: ERROR\r\n"])
    assert.deepStrictEqual(read([Buffer.concat([stream, Buffer.from("END")])]), [...all, "senseless: END"])
    const contradictory = frame(Wire.Opcode.get, 2, "", "")
    contradictory.writeUInt16BE(9, 2)
    assert.strictEqual(read([contradictory]).length, 1)
    const endless = frame(Wire.Opcode.get, 2, "", "")
    endless.writeUInt32BE(0xffffffff, 8)
    assert.strictEqual(read([endless]).length, 1)
  })

  it("are not looked at any more when nobody wants them", () => {
    let seen = 0
    assert.isUndefined(new Wire.Frames().push(stream, () => ++seen < 2))
    assert.strictEqual(seen, 2)
  })
})

describe("URLs", () => {
  const parse = (url: string) => {
    const { password, servers, username } = Result.getOrThrow(parseUrl(url))
    return {
      servers: servers.map(({ host, port }) => `${host} ${port}`).join(),
      username,
      password: password === undefined ? undefined : Redacted.value(password)
    }
  }

  it("name servers and credentials", () => {
    assert.deepStrictEqual(parse("memcache://"), {
      servers: "localhost 11211",
      username: undefined,
      password: undefined
    })
    assert.deepStrictEqual(parse("memcache://h/").servers, "h 11211")
    assert.deepStrictEqual(parse("memcache://a:1,b,[::1]:3").servers, "a 1,b 11211,::1 3")
    assert.deepStrictEqual(parse("memcache://us%40er:p%3Aa%2Fss%40@a:1,b:2"), {
      servers: "a 1,b 2",
      username: "us@er",
      password: "p:a/ss@"
    })
    assert.deepStrictEqual(parse("memcache://us:p/w:?#@h").password, "p/w:?#")
    assert.deepStrictEqual(parse("MEMCACHE://user@h").username, "user")
    assert.deepStrictEqual(parse("memcached://a,b:2").servers, "a 11211,b 2")
  })

  it("that make no sense are refused: the part is named, and nothing is shown", () => {
    const urls: ReadonlyArray<readonly [string, string]> = [
      ["", "another scheme or none"],
      ["secret", "another scheme or none"],
      ["redis://h", "another scheme or none"],
      ["memcache:h", "another scheme or none"],
      ["memcache://user:secret", "a malformed server, number 1"],
      ["memcache://user:secret@h,h:x", "a malformed server, number 2"],
      ["memcache://user:sec@ret@h", `an "@" in the user or the password`],
      ["memcache://user:secret%@h", `a stray "%" in the password`],
      ["memcache://secret%:secret@h", `a stray "%" in the user`],
      ["memcache://:secret@h", "no user before the @"],
      ["memcache://h/secret", "a path"],
      ["memcache://h?password=secret", "a query or a fragment"],
      ["memcached://h/#secret", "a query or a fragment"],
      ["memcache://a,,b", "a malformed server, number 2"]
    ]
    for (const [url, part] of urls) {
      const parsed = parseUrl(url)
      assert(Result.isFailure(parsed), url)
      assert.strictEqual(parsed.failure.value, part, url)
      assert.notMatch(parsed.failure.message, /secret|sec@ret/)
    }
  })
})
