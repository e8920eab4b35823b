/**
 * What goes over a new connection first: the credentials, if there are any, and a question for the
 * start of the server.
 */
import * as Redacted from "effect/Redacted"
import type { Login } from "../url.ts"
import { Fault, unsupported } from "./fault.ts"
import type { Hearer } from "./pending.ts"
import { Opcode, type Reply, type Request, Status } from "./wire.ts"

export interface Handshake {
  readonly transmit: (request: Request, hearer: Hearer) => void
  /** The server has taken the credentials, or needs none. */
  readonly loggedIn: () => void
  /** Requests can be sent. The server process started at `startedAt`, in seconds by its own clock. */
  readonly greeted: (startedAt: number) => void
  readonly refused: (fault: Fault) => void
}

export const login = ({ password, username }: Partial<Login>, handshake: Handshake): void => {
  const ready = () => {
    handshake.loggedIn()
    greet(handshake)
  }
  if (username === undefined || password === undefined) return ready()
  const credentials = Buffer.from(`\0${username}\0${Redacted.value(password)}`).toString("latin1")
  handshake.transmit({ opcode: Opcode.login, key: "PLAIN", value: credentials }, {
    hear: (reply) => {
      if (!(reply instanceof Fault)) ready()
    }
  })
}

const greet = ({ greeted, refused, transmit }: Handshake): void => {
  const stats = new Map<string, string>()
  const hear = (reply: Reply | Fault): void => {
    if (reply instanceof Fault) return
    const { key, status, value } = reply
    if (status !== Status.ok) {
      refused(unsupported("the server does not answer STAT, which fencing tokens need"))
    } else if (key.length > 0) {
      stats.set(key.toString("latin1"), value.toString("latin1"))
    } else {
      const startedAt = Number(stats.get("time")) - Number(stats.get("uptime"))
      if (Number.isSafeInteger(startedAt)) greeted(startedAt)
      else refused(unsupported("the server does not say when it started, which fencing tokens need"))
    }
  }
  transmit({ opcode: Opcode.stat, key: "" }, { hear })
}
