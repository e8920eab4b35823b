/**
 * Names in the directory of the locks:
 *
 *     lock-<key>                      a key's directory
 *     lock-<what is readable>~<hash>  the same, for a key that is long or has other characters than `a-z 0-9 _ -`
 *     .fence                          the greatest fencing token of keys that were removed, as a key that nobody has
 *     .new-<random>                   a key's directory that is being made
 */
import { createHash } from "node:crypto"

const plain = /^[a-z0-9_-]{1,100}$/

/** The hash is over UTF-16 code units, as UTF-8 would merge lone surrogates. */
const hash = (key: string): string =>
  createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex").slice(0, 40)

export const keyPrefix = "lock-"

export const keyName = (key: string): string => {
  if (plain.test(key)) return keyPrefix + key
  const readable = key.slice(0, 32).toLowerCase().replace(/[^a-z0-9_-]/g, "_")
  return `${keyPrefix}${readable}~${hash(key)}`
}

export const fenceName = ".fence"

export const newPrefix = ".new-"
