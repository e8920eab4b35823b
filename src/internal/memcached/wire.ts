/** What goes over the wire: commands, statuses, keys and expiry times, without any I/O. */
import { createHash } from "node:crypto"

/**
 * The commands of the binary protocol that locks need.
 *
 * SET is left out on purpose: with a stale CAS and no memory left it deletes the
 * item of another. So are TOUCH and GAT, which ignore the CAS.
 */
export const Opcode = {
  get: 0x00,
  add: 0x02,
  replace: 0x03,
  delete: 0x04,
  append: 0x0e,
  stat: 0x10,
  login: 0x21
} as const

export type Opcode = typeof Opcode[keyof typeof Opcode]

export const Status = {
  ok: 0x00,
  notFound: 0x01,
  exists: 0x02,
  notStored: 0x05,
  unauthorized: 0x20,
  unknownCommand: 0x81,
  outOfMemory: 0x82,
  notSupported: 0x83,
  busy: 0x85,
  temporary: 0x86
} as const

/**
 * `cas` is checked by REPLACE, APPEND and DELETE. An ADD must go without, because a
 * CAS would turn it into another command.
 */
export interface Request {
  readonly opcode: Opcode
  readonly key: string
  /** What ADD and REPLACE store and APPEND adds, byte for byte. */
  readonly value?: string | undefined
  /** In whole seconds, with ADD and REPLACE. APPEND leaves the item the time it has. */
  readonly exptime?: number | undefined
  readonly cas?: number | undefined
}

const headerLength = 24

/** Flags and expiry of an item, four bytes each. */
const extrasLength = 8

const half = 0x1_0000_0000

/** Four bytes, most significant first. */
const put = (bytes: Buffer, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

const take = (bytes: Buffer, at: number): number =>
  bytes[at] * 0x100_0000 + (bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3])

/** Writes a request, and returns where it ends; the reply repeats `opaque`. */
export const writeRequest = (
  bytes: Buffer,
  at: number,
  { cas = 0, exptime, key, opcode, value = "" }: Request,
  opaque: number
): number => {
  const extras = exptime === undefined ? 0 : extrasLength
  const length = extras + key.length + value.length
  put(bytes, at, 0x8000_0000 | opcode << 16 | key.length)
  put(bytes, at + 4, extras << 24)
  put(bytes, at + 8, length)
  put(bytes, at + 12, opaque)
  put(bytes, at + 16, Math.floor(cas / half))
  put(bytes, at + 20, cas)
  if (exptime !== undefined) {
    put(bytes, at + headerLength, 0)
    put(bytes, at + headerLength + 4, exptime)
  }
  bytes.write(key + value, at + headerLength + extras, "latin1")
  return at + headerLength + length
}

export interface Reply {
  readonly status: number
  /** It has 64 bits, but the server counts up from 1, so it stays a safe integer for centuries. */
  readonly cas: number
  /** The name of a statistic, for STAT; otherwise empty. */
  readonly key: Buffer
  readonly value: Buffer
}

/** A reply as it arrives. */
export interface Frame extends Reply {
  readonly opcode: number
  readonly opaque: number
}

const replyMagic = 0x81

/** More than any reply to our commands has: items are at most a megabyte by default. */
const maxBody = 1 << 30

const empty = Buffer.alloc(0)

/** Cuts what arrives into replies. */
export class Frames {
  private rest: Buffer = empty

  /** Calls `each` with every complete reply, as long as it returns true; returns what is not a reply, if there is anything. */
  push(chunk: Buffer, each: (frame: Frame) => boolean): Buffer | undefined {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at < bytes.length) {
      if (bytes[at] !== replyMagic) return bytes.subarray(at)
      if (bytes.length - at < headerLength) break
      const keyAt = at + headerLength + bytes[at + 4]
      const valueAt = keyAt + (bytes[at + 2] << 8 | bytes[at + 3])
      const length = take(bytes, at + 8)
      const end = at + headerLength + length
      if (valueAt > end || length > maxBody) return bytes.subarray(at)
      if (end > bytes.length) break
      const frame = {
        opcode: bytes[at + 1],
        status: bytes[at + 6] << 8 | bytes[at + 7],
        opaque: take(bytes, at + 12),
        cas: take(bytes, at + 16) * half + take(bytes, at + 20),
        key: keyAt === valueAt ? empty : bytes.subarray(keyAt, valueAt),
        value: valueAt === end ? empty : bytes.subarray(valueAt, end)
      }
      at = end
      if (!each(frame)) return undefined
    }
    this.rest = at === bytes.length ? empty : bytes.subarray(at)
    return undefined
  }
}

/** From 30 days on memcached reads an expiry as a Unix time, and the item would be gone at once. */
export const maxExpiresMillis = 29 * 24 * 3600 * 1000

/**
 * The whole seconds after which the server may forget an item that has to live
 * for `millis`.
 *
 * memcached counts in ticks of a second and skips one every few minutes, so an
 * item with expiry N is only sure to live for more than N - 2 seconds. The 50
 * milliseconds are for the lateness of a tick.
 */
export const exptime = (millis: number): number => Math.ceil((millis + 50) / 1000) + 2

/** A printable ASCII text without spaces, which every client and proxy can handle. */
export const isPlain = (text: string): boolean => /^[\x21-\x7e]*$/.test(text)

const maxKeyLength = 250

/**
 * The key of a lock's item: the key itself where memcached can take it,
 * otherwise `#`, what is readable of it, and a digest.
 *
 * The digest is over UTF-16 code units, as UTF-8 would merge lone surrogates. A
 * key that starts with `#` is digested too, so the two forms never meet.
 */
export const encodeKey = (prefix: string, key: string): string => {
  if (prefix.length + key.length <= maxKeyLength && !key.startsWith("#") && isPlain(key)) return prefix + key
  const digest = createHash("sha256").update(Buffer.from(key, "utf16le")).digest("base64url")
  return `${prefix}#${key.slice(0, 64).replace(/[^\x21-\x7e]/g, "_")}#${digest}`
}
