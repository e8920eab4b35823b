/**
 * Names in the directory of the locks:
 *
 *     lock-<key>                      a key's directory, with other characters than `a-z 0-9 _ -` as codes: `=3a`, `==20ac`
 *     lock-<what is readable>~<hash>  the same, for a key that is too long
 *     .fence                          the greatest fencing token of removed keys, as a key that nobody holds
 *     .new-<random>                   a key's directory that is being created
 */
import { createHash } from "node:crypto"

/** Some file systems ignore case, and none allows names of more than 255 bytes. */
const special = /[^a-z0-9_-]/g
const longest = 240

const encode = (character: string): string => {
  const code = character.charCodeAt(0).toString(16)
  return code.length > 2 ? `==${code.padStart(4, "0")}` : `=${code.padStart(2, "0")}`
}

const decode = (_: string, four: string | undefined, two: string | undefined): string =>
  String.fromCharCode(Number.parseInt(four ?? two!, 16))

/** The hash is over UTF-16 code units, as UTF-8 would merge lone surrogates. */
const hash = (key: string): string =>
  createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex").slice(0, 40)

export const keyPrefix = "lock-"

export const keyName = (key: string): string => {
  const name = key.length <= longest ? key.replace(special, encode) : ""
  if (name !== "" && name.length <= longest) return keyPrefix + name
  const readable = key.slice(0, 32).toLowerCase().replace(/[^a-z0-9_-]/g, "_")
  return `${keyPrefix}${readable}~${hash(key)}`
}

/** The directory of a key. */
export const pathOf = (root: string, key: string): string => `${root}/${keyName(key)}`

/** The key of a directory; undefined if its name has a hash, or is not ours. */
export const keyOf = (name: string): string | undefined => {
  if (!/^lock-[a-z0-9_=-]+$/.test(name)) return undefined
  const key = name.slice(keyPrefix.length).replace(/==([0-9a-f]{4})|=([0-9a-f]{2})/g, decode)
  return keyName(key) === name ? key : undefined
}

export const fenceName = ".fence"

export const newPrefix = ".new-"
