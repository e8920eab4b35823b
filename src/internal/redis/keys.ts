/**
 * Names in Redis. A lock is two or three keys of one hash tag, so they share a slot:
 *
 *     <prefix>{<key>}      string  the holder's token, expiring with the lease
 *     <prefix>{<key>}:q    zset    the waiters, by time of arrival
 *     <prefix>{<key>}:f    string  the last fencing token, where they are strict
 *
 * and every process listens on one channel, `<prefix>ch:<owner>`.
 */
import * as Escape from "../escape.ts"

/** An empty tag, or one that starts with `}`, does not count as a tag; lone surrogates would merge in UTF-8. */
const special = /^$|^[}\\]|[\ud800-\udfff]/u
const escaped = /\\|[\ud800-\udfff]/gu

const escape = (key: string): string => special.test(key) ? "\\" + Escape.escape(key, escaped) : key

/** The lock key, which has the holder's token. */
export const lockKey = (prefix: string, key: string): string => `${prefix}{${escape(key)}}`

/** Whether a name is the lock key of a key, whatever a client puts before it. */
export const isLockOf = (name: string, prefix: string, key: string): boolean => name.endsWith(lockKey(prefix, key))

/** The key of a lock key, if it is one. */
export const keyOf = (prefix: string, name: string): string | undefined => {
  const start = `${prefix}{`
  if (!name.startsWith(start) || !name.endsWith("}") || name.length <= start.length) return undefined
  const tag = name.slice(start.length, -1)
  return tag.startsWith("\\") ? Escape.unescape(tag.slice(1)) : tag
}

/** The pattern of all lock keys. */
export const lockPattern = (prefix: string): string => `${prefix.replace(/[\\*?[\]^]/g, "\\$&")}{*}`

/** The queue of a lock key. */
export const queueKey = (lockKey: string): string => `${lockKey}:q`

/** The last fencing token of a lock key. */
export const fenceKey = (lockKey: string): string => `${lockKey}:f`

/** The process behind a token. */
export const ownerOf = (token: string): string => {
  const end = token.indexOf(".")
  return end === -1 ? token : token.slice(0, end)
}

/** The prefix of the channels of all processes. */
export const channelPrefix = (prefix: string): string => `${prefix}ch:`
