/**
 * Those who wait. Each puts a ticket beside the state, a file named after it,
 * and watches that file alone: whoever gives the key back tears the ticket of
 * the first, who is woken by it, and nobody else. A ticket is a hint. Without it
 * one looks every now and then; one that was torn in vain is written again, with
 * the place that it had.
 */
import * as fs from "node:fs"
import type { Notices } from "../notices.ts"
import * as Directory from "./directory.ts"
import { codeOf } from "./failure.ts"
import * as Host from "./host.ts"
import type { Wanted } from "./lease.ts"
import * as State from "./state.ts"

/** A ticket, as its owner knows it. */
export interface Waiting {
  readonly path: string
  readonly wanted: Wanted
  readonly name: string
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
  /**
   * Calls `heard` when something has happened to the token's ticket, until the result is
   * called. It answers whether the ticket is there as before; if not, it has been {@link torn}.
   */
  readonly listen: (token: string, heard: (waiting: Waiting) => boolean) => () => void
  /** Whether the token's ticket is there, as far as we know. */
  readonly isIn: (token: string) => boolean
  /** Puts the token's ticket there: whether that could be done. The state must be looked at once more after it. */
  readonly enter: (path: string, wanted: Wanted, now: number) => boolean
  /** Somebody has torn the token's ticket. */
  readonly torn: (token: string) => void
  /** Takes the token's ticket back: whether it had one. */
  readonly leave: (token: string) => boolean
}

/** `notices` hears when the system has no watch left for those who wait, and when it has again. */
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

  /** To close a watcher takes as long as to take the key, which comes first. */
  const hear = (ticket: Ticket): void => {
    if (!ticket.isPut) return
    const { watcher } = ticket
    ticket.watcher = undefined
    const isThere = listeners.get(ticket.wanted.token)?.(ticket) === true
    // Who was told of trouble may have written it anew by now.
    if (isThere && tickets.get(ticket.wanted.token) === ticket) ticket.watcher ??= watcher
    if (ticket.watcher !== watcher) watcher?.close()
  }

  /** Nobody tells us any more, and whoever has the ticket in view thinks that somebody does. */
  const deafen = (ticket: Ticket): void => {
    unwatch(ticket)
    if (!ticket.isPut) return
    Directory.take(ticket.path, ticket.name)
    listeners.get(ticket.wanted.token)?.(ticket)
  }

  /** False when the system has no watch left for us. */
  const watch = (ticket: Ticket): boolean => {
    try {
      const watcher = fs.watch(`${ticket.path}/${ticket.name}`, { persistent: false }, () => hear(ticket))
      watcher.on("error", () => deafen(ticket))
      ticket.watcher = watcher
      notices.told()
      return true
    } catch (error) {
      // One that was torn already has been told.
      if (codeOf(error) !== "ENOENT") notices.polling(error)
      return false
    }
  }

  /** One that hears nothing comes by itself, and the key must be its own until then. */
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
