/**
 * A link: one TCP connection to one memcached process, which works or is dead.
 *
 * It never sends anything twice and never comes back. Whatever goes wrong kills
 * it, fails what waits for it, and lets its owner make another one. That is why
 * a CAS learned on a link is good for as long as the link: the process at the
 * other end is still the same.
 *
 * Of memjs it uses `Server`, which connects and cuts the stream into messages.
 * Its `Client` re-sends and replays requests, so it can't be used for locks.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Server, Utils } from "memjs"
import type { Response } from "memjs"
import type { Socket } from "node:net"
import type { FailureKind } from "../../LockError.ts"
import { encodeRequest, Opcode, type Reply, type Request, Status } from "./wire.ts"

/** Why a request has no answer. `sent` says that the server may have executed it all the same. */
export interface Fault {
  readonly kind: FailureKind
  readonly retryable: boolean
  readonly description?: string | undefined
  readonly cause?: unknown
  readonly sent?: boolean | undefined
}

export interface Address {
  readonly host: string
  readonly port: number
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
}

export interface Timeouts {
  readonly connectMillis: number
  readonly requestMillis: number
}

export interface Link {
  readonly isAlive: () => boolean
  /** When the server process started, in seconds by its own clock. Known as soon as a request has been answered. */
  readonly startedAt: () => number
  /** Waits for the connection if need be, and calls back once. */
  readonly send: (request: Request, onReply: (reply: Reply) => void, onFault: (fault: Fault) => void) => void
  /** The same as an effect. */
  readonly request: (request: Request) => Effect.Effect<Reply, Fault>
  readonly close: (fault: Fault) => void
}

const unreachable = (description: string, cause?: unknown): Fault => ({
  kind: "Unreachable",
  retryable: true,
  description,
  cause
})

const noReply = (millis: number): Fault => ({
  kind: "NoReply",
  retryable: true,
  description: `no reply within ${millis} ms`
})

const unauthorized: Fault = {
  kind: "Unauthorized",
  retryable: false,
  description: "the server refused the user name or the password"
}

const unsupported = (description: string): Fault => ({ kind: "Unsupported", retryable: false, description })

/** memjs reports a refused login as a string, everything else as an error. */
const fromMemjs = (error: unknown): Fault =>
  typeof error === "string"
    ? unauthorized
    : unreachable(error instanceof Error ? error.message : String(error), error)

/** What a status says that none of the commands expects. */
export const statusFault = (reply: Reply): Fault => {
  switch (reply.status) {
    case Status.outOfMemory:
      return { kind: "OutOfMemory", retryable: true, description: "the server has no memory left for the lock" }
    case Status.unknownCommand:
    case Status.notSupported:
      return unsupported("the server does not know the command")
    case Status.busy:
    case Status.temporary:
      return { kind: "Unknown", retryable: true, description: "the server is busy" }
    default:
      return {
        kind: "Unknown",
        retryable: false,
        description: `the server answered with status 0x${reply.status.toString(16)}`
      }
  }
}

/** memjs's own timers act after a day, so never before ours. Its limit is 2^31 milliseconds. */
const never = 86_400

const replyMagic = 0x81

const saslAuth = 0x21

/**
 * The first number of a request: a line break, as bytes. A server that only knows
 * the text protocol waits for one, and so complains at once instead of never.
 */
const lineBreak = 0x0d0a

interface Pending {
  readonly sentAt: number
  readonly onFault: (fault: Fault) => void
}

/** Looks after a time, and after all that arrived while this process was busy. */
const lateLook = (millis: number, look: () => void): ReturnType<typeof setTimeout> =>
  setTimeout(() => setImmediate(look), millis)

/** Starts connecting. The link can be used at once. */
export const open = (address: Address, timeouts: Timeouts): Link => {
  const server = new Server(address.host, address.port, undefined, undefined, {
    timeout: never,
    conntimeout: never,
    keepAlive: true
  })
  // The login is ours; memjs would take credentials that it finds in the environment.
  Object.assign(server, { username: undefined, password: undefined })

  const pending = new Set<Pending>()
  let waiting: Array<() => void> | undefined = []
  let socket: Socket | undefined
  let loggedIn = false
  let dead: Fault | undefined
  let sequence = lineBreak - 1
  let outbox: Array<Buffer> = []
  let startedAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let resting = false

  const kill = (fault: Fault): void => {
    if (dead !== undefined) return
    dead = fault
    clearTimeout(connecting)
    clearTimeout(timer)
    // A reset makes the other side forget what it has not read yet, where a normal end would have it executed.
    if (pending.size > 0) socket?.resetAndDestroy()
    server.error(new Error(fault.description))
    const lost = [...pending]
    const unsent = waiting ?? []
    pending.clear()
    waiting = undefined
    for (const one of lost) one.onFault({ ...fault, sent: true })
    for (const send of unsent) send()
  }

  const connecting = lateLook(timeouts.connectMillis, () => {
    if (!loggedIn) kill(unreachable(`no connection within ${timeouts.connectMillis} ms`))
  })

  /** One timer for the oldest request. */
  const watch = (millis: number): void => {
    const own = lateLook(millis, () => timer === own ? look() : undefined)
    timer = own
  }

  const look = (): void => {
    timer = undefined
    const [oldest] = pending
    if (oldest === undefined || dead !== undefined) return
    const left = oldest.sentAt + timeouts.requestMillis - performance.now()
    if (left > 0) return watch(Math.ceil(left))
    kill(noReply(timeouts.requestMillis))
  }

  /** Stops the timer at the end of the turn, unless another request follows at once. */
  const rest = (): void => {
    if (resting || pending.size > 0) return
    resting = true
    setImmediate(() => {
      resting = false
      if (pending.size > 0) return
      clearTimeout(timer)
      timer = undefined
    })
  }

  const transmit = (
    request: Request,
    onFault: (fault: Fault) => void,
    onResponse: (response: Response) => boolean
  ): void => {
    if (dead === undefined && !socket!.writable) kill(unreachable("the connection was closed"))
    if (dead !== undefined) return onFault(dead)
    sequence = sequence === 0x7fffffff ? 1 : sequence + 1
    const entry: Pending = { sentAt: performance.now(), onFault }
    const receive = (response: Response): void => {
      if (response.header.magic !== replyMagic || response.header.opcode !== request.opcode) return kill(garbage())
      pending.delete(entry)
      if (onResponse(response)) rest()
      else pending.add(entry)
    }
    const alone = pending.size === 0
    pending.add(entry)
    if (timer === undefined) watch(timeouts.requestMillis)
    // memjs forgets a callback after its first message unless it is `quiet`, which STAT needs.
    server.onResponse(sequence, request.opcode === Opcode.stat ? Object.assign(receive, { quiet: true }) : receive)
    const message = encodeRequest(request, sequence)
    // One that is alone goes out at once, for the server to work on while others are made.
    if (alone) socket!.write(message)
    else if (outbox.push(message) === 1) process.nextTick(flush)
  }

  /** Requests of one turn go out in one piece. */
  const flush = (): void => {
    const messages = outbox
    outbox = []
    if (dead === undefined) socket!.write(messages.length === 1 ? messages[0] : Buffer.concat(messages))
  }

  const garbage = (): Fault => {
    const text = server.responseBuffer.toString("latin1", 0, 80).replace(/[^\x20-\x7e]+/g, " ").trim()
    const description = `the server sent something that is no reply: ${JSON.stringify(text)}`
    return waiting === undefined || /too many open connections/i.test(text)
      ? unreachable(description)
      : unsupported(`${description}. It does not speak memcached's binary protocol, which locks need`)
  }

  /** Sends the credentials, if there are any, and greets once the server has taken them or does not ask for any. */
  const login = ({ password, username }: Address): void => {
    const ready = () => {
      loggedIn = true
      clearTimeout(connecting)
      greet()
    }
    if (username === undefined || password === undefined) return ready()
    server.once("authenticated", ready)
    const credentials = `\0${username}\0${Redacted.value(password)}`
    socket!.write(Utils.makeRequestBuffer(saslAuth, "PLAIN", "", credentials, lineBreak))
  }

  /** Asks for the start of the server, and lets the requests go that came meanwhile. */
  const greet = (): void => {
    const stats = new Map<string, string>()
    transmit({ opcode: Opcode.stat, key: "" }, () => {}, (response) => {
      const { status, totalBodyLength } = response.header
      if (status !== Status.ok) kill(unsupported("the server does not answer STAT, which fencing tokens need"))
      else if (totalBodyLength > 0) {
        stats.set(response.key.toString("latin1"), response.val.toString("latin1"))
        return false
      } else {
        startedAt = Number(stats.get("time")) - Number(stats.get("uptime"))
        if (Number.isSafeInteger(startedAt)) {
          const ready = waiting ?? []
          waiting = undefined
          for (const send of ready) send()
        } else kill(unsupported("the server does not say when it started, which fencing tokens need"))
      }
      return true
    })
  }

  server.onError(0, (error) => kill(fromMemjs(error)))
  server.sock(false, (connected) => {
    socket = connected
    socket.setNoDelay(true)
    // What waits for a reply has a timer of its own, so an idle connection need not hold the process.
    socket.unref()
    const ended = () => kill(unreachable("the server closed the connection"))
    socket.once("end", ended)
    socket.once("close", ended)
    socket.on("data", () => {
      const rest = server.responseBuffer
      if (dead === undefined && rest.length > 0 && rest[0] !== replyMagic) kill(garbage())
    })
    login(address)
  })

  const send: Link["send"] = (request, onReply, onFault) =>
    transmit(request, onFault, ({ header: { cas, status }, val }) => {
      onReply({ status, cas: cas.readBigUInt64BE(), value: val })
      return true
    })

  const whenReady = (go: () => void): void => {
    if (waiting === undefined) go()
    else waiting.push(go)
  }

  return {
    isAlive: () => dead === undefined,
    startedAt: () => startedAt,
    send: (request, onReply, onFault) => whenReady(() => send(request, onReply, onFault)),
    request: (request) =>
      Effect.callback<Reply, Fault>((resume) => {
        const go = () => send(request, (reply) => resume(Effect.succeed(reply)), (fault) => resume(Effect.fail(fault)))
        whenReady(go)
        return Effect.sync(() => {
          waiting = waiting?.filter((other) => other !== go)
        })
      }),
    close: kill
  }
}
