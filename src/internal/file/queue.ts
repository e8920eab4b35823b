/**
 * Those who wait. Each puts a ticket beside the state, a file named after it,
 * and watches that file alone: whoever gives the key back tears the ticket of
 * the first, who is woken by it, and nobody else. A ticket is a hint. Without it
 * one looks every now and then; one that was torn in vain is written again, with
 * the place that it had.
 */
import * as fs from "node:fs"
import * as Directory from "./directory.ts"
import { works } from "./failure.ts"
import * as Host from "./host.ts"
import type { Wanted } from "./lease.ts"
import * as State from "./state.ts"

/** What a ticket's owner is told when it is torn. */
export interface Waiting {
  readonly path: string
  readonly wanted: Wanted
}

interface Ticket extends Waiting {
  readonly since: number
  name: string
  /** Whether it is there, as far as we know. */
  isPut: boolean
  watcher: fs.FSWatcher | undefined
}

/** How long a key is given to one that has not been heard of since: a deaf one costs the next as much, and no more. */
const watchedMillis = 1_000

export interface Queue {
  /** Calls `torn` when the token's ticket is torn, until the result is called. */
  readonly listen: (token: string, torn: (waiting: Waiting) => void) => () => void
  /** Whether the token's ticket is there, as far as we know. */
  readonly isIn: (token: string) => boolean
  /** Puts the token's ticket there: whether that could be done. The state must be looked at once more after it. */
  readonly enter: (path: string, wanted: Wanted, now: number) => boolean
  /** Takes the token's ticket back: whether it had one. */
  readonly leave: (token: string) => boolean
}

export const make = (pollMillis: number): Queue => {
  const tickets = new Map<string, Ticket>()
  const listeners = new Map<string, (waiting: Waiting) => void>()

  const put = (ticket: Ticket, millis: number): void => {
    const { path, since, wanted: { expires, share, token } } = ticket
    ticket.name = State.make("q", 0, since, Math.min(expires, millis), token, Host.self, share).name
    ticket.isPut = Directory.put(path, ticket.name)
  }

  const unwatch = (ticket: Ticket): void => {
    ticket.watcher?.close()
    ticket.watcher = undefined
  }

  const look = (ticket: Ticket): void => {
    if (!ticket.isPut || fs.existsSync(`${ticket.path}/${ticket.name}`)) return
    ticket.isPut = false
    unwatch(ticket)
    listeners.get(ticket.wanted.token)?.(ticket)
  }

  /** False when the system has no watch left for us. */
  const watch = (ticket: Ticket): boolean =>
    works(() => {
      ticket.watcher = fs.watch(`${ticket.path}/${ticket.name}`, { persistent: false }, () => look(ticket))
      ticket.watcher.on("error", () => unwatch(ticket))
    })

  /** One that hears nothing comes by itself, and the key must be its own until then. */
  const patientMillis = Math.ceil(2 * pollMillis) + watchedMillis

  return {
    listen: (token, torn) => {
      listeners.set(token, torn)
      return () => {
        listeners.delete(token)
        leave(token)
      }
    },
    isIn: (token) => tickets.get(token)?.isPut === true,
    enter: (path, wanted, now) => {
      const { token } = wanted
      const ticket = tickets.get(token) ?? { path, wanted, since: now, name: "", isPut: false, watcher: undefined }
      tickets.set(token, ticket)
      unwatch(ticket)
      const listens = listeners.has(token)
      put(ticket, listens ? watchedMillis : patientMillis)
      if (!listens || !ticket.isPut || watch(ticket)) return ticket.isPut
      Directory.take(path, ticket.name)
      put(ticket, patientMillis)
      return ticket.isPut
    },
    leave
  }

  function leave(token: string): boolean {
    const ticket = tickets.get(token)
    if (ticket === undefined) return false
    tickets.delete(token)
    unwatch(ticket)
    if (ticket.isPut) Directory.take(ticket.path, ticket.name)
    ticket.isPut = false
    return true
  }
}
