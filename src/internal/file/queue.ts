/**
 * The waiters of this process. Each writes a ticket, a file next to the state, and watches only
 * that file: a release removes the ticket of the first waiter, which wakes that one and nobody
 * else. Tickets are hints: without one, a waiter still polls, and one that was removed in vain is
 * written again, with its old place.
 */
import * as fs from "node:fs"
import type { Notices } from "../notices.ts"
import * as Directory from "./directory.ts"
import { codeOf } from "./failure.ts"
import * as Host from "./host.ts"
import type { Wanted } from "./lease.ts"
import * as State from "./state.ts"

/** A ticket of this process. */
export interface Waiting {
  readonly path: string
  readonly wanted: Wanted
  readonly name: string
}

interface Ticket extends Waiting {
  readonly since: number
  name: string
  /** Whether the file exists, as far as we know. */
  isPut: boolean
  watcher: fs.FSWatcher | undefined
}

/**
 * How long a grant lasts until its waiter responds: one that does not respond delays the next by
 * this much.
 */
const watchedMillis = 1_000

export interface Queue {
  /**
   * Calls `heard` when something happened to the token's ticket, until the returned function is
   * called. `heard` says whether the ticket is still there; if not, it counts as {@link torn}.
   */
  readonly listen: (token: string, heard: (waiting: Waiting) => boolean) => () => void
  /** Whether the token's ticket exists, as far as we know. */
  readonly isIn: (token: string) => boolean
  /** Writes the token's ticket; false if that failed. The state must be read again after it. */
  readonly enter: (path: string, wanted: Wanted, now: number) => boolean
  /** Somebody has removed the token's ticket. */
  readonly torn: (token: string) => void
  /** Removes the token's own ticket; returns whether it had one. */
  readonly leave: (token: string) => boolean
}

/** `notices` is told when the system has no watches left for waiters, and when it has again. */
export const make = (pollMillis: number, notices: Notices): Queue => {
  const tickets = new Map<string, Ticket>()
  const listeners = new Map<string, (waiting: Waiting) => boolean>()

  const put = (ticket: Ticket, millis: number): void => {
    const { path, since, wanted: { expires, share, token } } = ticket
    ticket.name = State.make("q", 0, since, Math.min(expires, millis), token, Host.self, share).name
    ticket.isPut = Directory.put(path, ticket.name)
  }

  const unwatch = (ticket: Ticket): void => {
    ticket.watcher?.close()
    ticket.watcher = undefined
  }

  /** Closing a watcher takes as long as acquiring the key, which comes first. */
  const hear = (ticket: Ticket): void => {
    if (!ticket.isPut) return
    const { watcher } = ticket
    ticket.watcher = undefined
    const isThere = listeners.get(ticket.wanted.token)?.(ticket) === true
    // A waiter that was told of trouble may have written it again by now.
    if (isThere && tickets.get(ticket.wanted.token) === ticket) ticket.watcher ??= watcher
    if (ticket.watcher !== watcher) watcher?.close()
  }

  /** There are no notifications any more, but others that see the ticket rely on them. */
  const deafen = (ticket: Ticket): void => {
    unwatch(ticket)
    if (!ticket.isPut) return
    Directory.take(ticket.path, ticket.name)
    listeners.get(ticket.wanted.token)?.(ticket)
  }

  /** False if the system has no watches left. */
  const watch = (ticket: Ticket): boolean => {
    try {
      const watcher = fs.watch(`${ticket.path}/${ticket.name}`, { persistent: false }, () => hear(ticket))
      watcher.on("error", () => deafen(ticket))
      ticket.watcher = watcher
      notices.told()
      return true
    } catch (error) {
      // A ticket that was already removed has been reported.
      if (codeOf(error) !== "ENOENT") notices.polling(error)
      return false
    }
  }

  /** A waiter without notifications polls, and a grant must last until then. */
  const patientMillis = Math.ceil(2 * pollMillis) + watchedMillis

  return {
    listen: (token, heard) => {
      listeners.set(token, heard)
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
    torn: (token) => {
      const ticket = tickets.get(token)
      if (ticket !== undefined) ticket.isPut = false
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
