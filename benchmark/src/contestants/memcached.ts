/** Locks in memcached: the raw client doing the minimum, and this library. */
import * as MemcacheBackend from "#effect-lock/MemcacheBackend"
import { Client } from "memjs"
import { randomBytes } from "node:crypto"
import { sleep } from "../lib/scenario.ts"
import { type Contestant, promised } from "./contestant.ts"
import { openSession } from "./effectLock.ts"

/** The least there is: ADD, and DELETE without a look at whose it is. No safe lock does so little. */
export const raw: Contestant = {
  name: "memjs alone",
  sends: [],
  polls: true,
  open: async (port) => {
    const client = Client.create(`127.0.0.1:${port}`)
    return {
      work: promised<boolean>((key) => ({
        acquire: () => client.add(key, randomBytes(12).toString("base64url"), { expires: 10 }),
        release: () => client.delete(key)
      })),
      close: () => client.close()
    }
  }
}

/** What people do with it: ask again and again, and delete only what is one's own (between two commands, so not safely). */
export const polling: Contestant = {
  name: "memjs alone",
  sends: [],
  polls: true,
  open: async (port, retryMillis = 5) => {
    const client = Client.create(`127.0.0.1:${port}`)
    return {
      work: promised<boolean>((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url")
          while (!await client.add(key, token, { expires: 10 })) await sleep(retryMillis * (0.5 + Math.random()))
          return true
        },
        release: () => client.delete(key)
      })),
      close: () => client.close()
    }
  }
}

export const ours: Contestant = {
  name: "effect-lock",
  sends: [],
  polls: true,
  open: (port) => openSession(MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }))
}

/** Those that wait. */
export const byName = (name: string): Contestant => name === ours.name ? ours : polling
