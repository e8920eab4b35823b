/**
 * A link: one TCP connection to one memcached process, which works or is dead.
 *
 * It never sends anything twice and never comes back. Whatever goes wrong kills
 * it, fails what waits for it, and lets its owner make another one. That is why
 * a CAS learned on a link is good for as long as the link: the process at the
 * other end is still the same.
 *
 * Of memjs it uses `Server`, which connects. What goes over the connection is
 * ours: memjs' `Client` re-sends and replays requests, so it can't be used for
 * locks, and its reading of replies takes longer than all else that a lock costs here.
 */
import { Server } from "memjs"
import type { Socket } from "node:net"
import { messageOf } from "../cause.ts"
import type { Address } from "./address.ts"
import { type Fault, noReply, unauthorized, unreachable, unsupported } from "./fault.ts"
import { type Handshake, login } from "./handshake.ts"
import { Outbox } from "./outbox.ts"
import { Entry, type Hearer, Pending } from "./pending.ts"
import { type Frame, Frames, Opcode, type Request, Status } from "./wire.ts"

interface Timeouts {
  readonly connectMillis: number
  readonly requestMillis: number
}

export interface Link {
  readonly isAlive: () => boolean
  /** When the server process started, in seconds by its own clock. Known as soon as a request has been answered. */
  readonly startedAt: () => number
  /** Waits for the connection if need be; the hearer is told once. */
  readonly send: (request: Request, hearer: Hearer) => void
  readonly close: (fault: Fault) => void
}

/** memjs's own timers act after a day, so never before ours. Its limit is 2^31 milliseconds. */
const never = 86_400

/**
 * The first number of a request: a line break, as bytes. A server that only knows
 * the text protocol waits for one, and so complains at once instead of never.
 */
const lineBreak = 0x0d0a

/** Fewer requests are not worth a write of their own within a turn, unless the server is idle. */
const smallestPiece = 4

/** Looks after some time, but only after reading what arrived while this process was busy. */
const lateLook = (millis: number, look: () => void): ReturnType<typeof setTimeout> =>
  setTimeout(() => setImmediate(look), millis)

/** Starts connecting. The link can be used at once. */
export const open = (address: Address, timeouts: Timeouts): Link => {
  const server = new Server(address.host, address.port, undefined, undefined, {
    timeout: never,
    conntimeout: never,
    keepAlive: true
  })
  const pending = new Pending()
  const frames = new Frames()
  let waiting: Array<() => void> | undefined = []
  let socket: Socket | undefined
  let loggedIn = false
  let dead: Fault | undefined
  let sequence = lineBreak - 1
  const outbox = new Outbox()
  let startedAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const kill = (fault: Fault): void => {
    if (dead !== undefined) return
    dead = fault
    clearTimeout(connecting)
    clearTimeout(timer)
    // A reset makes the other side forget what it has not read yet, where a normal end would have it executed.
    if (pending.size > 0) socket?.resetAndDestroy()
    server.error(new Error(fault.description))
    const lost = pending.clear()
    const unsent = waiting ?? []
    waiting = undefined
    const { inDoubt } = fault
    for (const { hearer } of lost) hearer.hear(inDoubt)
    for (const send of unsent) send()
  }

  const connecting = lateLook(timeouts.connectMillis, () => {
    if (!loggedIn) kill(unreachable(`no connection within ${timeouts.connectMillis} ms`))
  })

  /** One timer, for the oldest request. Without requests it does not keep the process alive, and ends by itself. */
  const watch = (millis: number): void => {
    const own = lateLook(millis, () => timer === own ? look() : undefined)
    timer = own
  }

  const look = (): void => {
    timer = undefined
    const { oldest } = pending
    if (oldest === undefined || dead !== undefined) return
    const left = oldest.sentAt + timeouts.requestMillis - performance.now()
    if (left > 0) return watch(Math.ceil(left))
    kill(noReply(`no reply within ${timeouts.requestMillis} ms`))
  }

  const transmit = (request: Request, hearer: Hearer): void => {
    if (dead === undefined && !socket!.writable) kill(unreachable("the connection was closed"))
    if (dead !== undefined) return hearer.hear(dead)
    sequence = sequence === 0x7fffffff ? 1 : sequence + 1
    const alone = pending.size === 0
    const first = outbox.size === 0
    const out = pending.size - outbox.size
    outbox.add(request, sequence)
    pending.push(new Entry(request.opcode, sequence, performance.now(), hearer))
    // The server should have as much work as we have: if everything was sent at once, each would wait for the other in turn.
    if (out === 0 || outbox.size >= Math.max(out, smallestPiece)) flush()
    else if (first) process.nextTick(flush)
    // Connecting, including the login, has a time limit of its own.
    if (timer !== undefined) {
      if (alone) timer.ref()
    } else if (loggedIn) watch(timeouts.requestMillis)
  }

  /** Sends what was left for the end of the turn, in one piece. */
  const flush = (): void => {
    if (dead === undefined && outbox.size > 0) socket!.write(outbox.take())
  }

  /** It has to answer the oldest request; otherwise a reply is missing, and no other can be trusted. */
  const answered = (frame: Frame): boolean => {
    const { oldest } = pending
    if (frame.status === Status.unauthorized) kill(unauthorized)
    else if (oldest === undefined || oldest.opcode !== frame.opcode || oldest.opaque !== frame.opaque) {
      kill(noReply("the server answered something else"))
    } else if (oldest.opcode === Opcode.stat) {
      // The last statistic has no name.
      if (frame.key.length === 0) pending.shift()
      oldest.hearer.hear(frame)
    } else {
      pending.shift()
      oldest.hearer.hear(frame)
    }
    if (pending.size === 0) timer?.unref()
    return dead === undefined
  }

  const receive = (chunk: Buffer): void => {
    if (dead !== undefined) return
    const garbage = frames.push(chunk, answered)
    if (garbage !== undefined) kill(senseless(garbage))
  }

  const senseless = (bytes: Buffer): Fault => {
    const text = bytes.toString("latin1", 0, 80).replace(/[^\x20-\x7e]+/g, " ").trim()
    const description = `the server sent something that is no reply: ${JSON.stringify(text)}`
    return waiting === undefined || /too many open connections/i.test(text)
      ? unreachable(description)
      : unsupported(`${description}. It does not speak memcached's binary protocol, which locks need`)
  }

  const handshake: Handshake = {
    transmit,
    loggedIn: () => {
      loggedIn = true
      clearTimeout(connecting)
    },
    greeted: (time) => {
      startedAt = time
      const ready = waiting ?? []
      waiting = undefined
      for (const send of ready) send()
    },
    refused: kill
  }

  // We log in and read replies ourselves; memjs would use credentials from the environment.
  Object.assign(server, { username: undefined, password: undefined, responseHandler: receive })
  server.onError(0, (error) => kill(unreachable(messageOf(error), error)))
  server.sock(false, (connected) => {
    socket = connected
    socket.setNoDelay(true)
    // Requests in flight have a timer of their own, so an idle connection need not keep the process alive.
    socket.unref()
    const ended = () => kill(unreachable("the server closed the connection"))
    socket.once("end", ended)
    socket.once("close", ended)
    login(address, handshake)
  })

  return {
    isAlive: () => dead === undefined,
    startedAt: () => startedAt,
    send: (request, hearer) => {
      if (waiting === undefined) transmit(request, hearer)
      else waiting.push(() => transmit(request, hearer))
    },
    close: kill
  }
}
