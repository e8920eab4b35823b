/**
 * The name of a key's record: different keys have different names, even if a store ignores case, or
 * allows no more than 200 characters.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import type { BackendFailure } from "../../LockError.ts"
import * as Failure from "./failure.ts"

const plain = /^[a-z0-9_.:/=-]{0,79}[a-z0-9_:/-]$/

/** The digest is over UTF-16 code units, as UTF-8 would merge lone surrogates. */
const digestOf = (subtle: SubtleCrypto, key: string): Effect.Effect<string> => {
  const units = Uint16Array.from({ length: key.length }, (_, i) => key.charCodeAt(i))
  return Effect.map(
    Effect.promise(() => subtle.digest("SHA-256", units)),
    (digest) => Hex.encode(new Uint8Array(digest)).slice(0, 40)
  )
}

export const nameOf = (operation: string, key: string): Effect.Effect<string, BackendFailure> => {
  const name = key.replace(/[=A-Z]/g, (char) => `=${char.toLowerCase()}`)
  if (plain.test(name)) return Effect.succeed(`lock:${name}`)
  const readable = key.slice(0, 32).toLowerCase().replace(/[^a-z0-9_.:/-]/g, "_")
  // Pages that are loaded by plain http have none.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (subtle === undefined) {
    const description = "a key that is long, or has other characters than letters, digits and -_.:/=, needs " +
      "crypto.subtle, which browsers have where a page came by https"
    return Effect.fail(Failure.make({ operation, key, kind: "Unsupported", retryable: false, description }))
  }
  return Effect.map(digestOf(subtle, key), (digest) => `lock:${readable}~${digest}`)
}
