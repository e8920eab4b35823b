/**
 * The connection of an ioredis client, or those of a cluster's: what is sent over it, and what
 * becomes of that when it breaks.
 *
 * Commands are only sent while the client is connected, so none waits in the client's offline queue
 * to be executed at some later time. While the client connects they wait here; once an attempt to
 * connect has failed they fail at once, until one succeeds.
 */
import { constVoid } from "effect/Function"
import {
  backoff,
  type Client,
  type Cluster,
  handshakeMillis,
  isCluster,
  silenceMillis,
  type Single,
  tend
} from "./client.ts"
import { Database } from "./database.ts"
import * as Failure from "./failure.ts"
import { InFlight } from "./inFlight.ts"
import { type Diagnose, Outage } from "./outage.ts"
import { Pulse } from "./pulse.ts"
import type { Command, Observer } from "./transport.ts"

const silentError = new Error("Connection is closed: it was silent.")

/**
 * Emitters warn of more than ten listeners, which is not a leak here: every backend removes its
 * own.
 */
const allowListeners = (client: Client, more: 1 | -1): void => {
  const emitter = client as { getMaxListeners?(): number; setMaxListeners?(most: number): unknown }
  const most = emitter.getMaxListeners?.()
  if (most !== undefined && most > 0) emitter.setMaxListeners?.(most + more)
}

export class Connection {
  closed = false
  private readonly client: Client
  private readonly single: Single
  private readonly cluster: boolean
  /** Whether we connect it, replace its socket, and close it. */
  private readonly owned: boolean
  /** Whether to notice its silence: the program looks after its own client, and a cluster after its nodes. */
  private readonly watched: boolean
  private readonly handshake: number
  private readonly pulse: Pulse
  private readonly inFlight: InFlight
  private readonly outage: Outage
  /** Unless it is the one that every connection begins with. */
  private readonly database: Database | undefined
  private readonly observers: Array<Observer> = []
  private waiting: Array<Command> = []
  private connected: boolean
  private ends = 0
  private revival: ReturnType<typeof setTimeout> | undefined
  private readonly events: Record<string, (...args: Array<unknown>) => void>

  /** `diagnose`: given if the client is our own; asked why no connection has worked yet. */
  constructor(client: Client, diagnose: Diagnose | undefined) {
    const single = client as Single
    this.client = client
    this.single = single
    this.cluster = isCluster(client)
    this.owned = diagnose !== undefined
    this.watched = this.owned && !this.cluster
    this.handshake = Math.max(handshakeMillis, single.options?.connectTimeout ?? 0)
    this.pulse = new Pulse(() => this.onSilent())
    this.inFlight = new InFlight(client, this.cluster, (byServer) => this.onAnswer(byServer))
    this.outage = new Outage(diagnose, () => this.connected, (cause, isFirst) => this.fail(cause, isFirst))
    const number = single.options?.db ?? 0
    this.database = this.watched && number !== 0 ? new Database(single, number, this.pulse) : undefined
    this.connected = client.status === "ready"
    this.events = {
      connecting: () => this.onConnecting(),
      ...(this.watched && { connect: () => this.onConnect() }),
      ready: () => this.onReady(),
      error: (error) => this.onError(error),
      close: () => this.onClose(),
      end: () => this.onEnd()
    }
    if (!this.owned) allowListeners(client, 1)
    if (this.owned) tend(client)
    for (const [event, listener] of Object.entries(this.events)) client.on(event, listener)
    if (this.owned) client.connect().catch(constVoid)
  }

  get isDown(): boolean {
    const { status } = this.client
    return status === "end" || (this.outage.isOn && (this.database?.isRefused === true || status !== "ready"))
  }

  send(command: Command): void {
    if (this.closed) return command.fail(new Failure.Closed())
    // Between becoming ready and the event, new commands must not overtake waiting ones.
    if (this.connected && this.client.status === "ready") return this.execute(command)
    if (this.isDown) return command.fail(this.outage.cause)
    this.waiting.push(command)
    if (this.client.status === "wait") this.client.connect().catch(constVoid)
  }

  observe(observer: Observer): void {
    this.observers.push(observer)
    if (this.connected) observer.ready()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.revival)
    this.database?.stop()
    this.observers.length = 0
    this.pulse.rest()
    if (this.owned) (this.client as Single | Cluster).disconnect()
    this.outage.close()
    this.inFlight.fail(this.outage.cause)
    for (const [event, listener] of Object.entries(this.events)) {
      if (!this.owned || event !== "error") this.client.off(event, listener)
    }
    if (!this.owned) allowListeners(this.client, -1)
  }

  private execute(command: Command): void {
    if (this.watched) this.pulse.owe(silenceMillis)
    this.inFlight.send(command)
  }

  private onAnswer(byServer: boolean): void {
    if (byServer) this.outage.hear()
    if (this.watched) this.pulse.heard(!this.inFlight.isEmpty)
  }

  private onSilent(): void {
    this.outage.lastError = silentError
    if (!this.connected) this.pulse.owe(this.handshake)
    this.single.stream?.destroy()
  }

  /** Bounds the handshake, beyond the client's own timeouts. */
  private onConnecting(): void {
    if (this.watched) this.pulse.owe(this.handshake)
  }

  /** The socket is connected, and the handshake gets the same time again. */
  private onConnect(): void {
    this.pulse.heard(true)
  }

  private onReady(): void {
    if (this.database === undefined) this.begin()
    else this.database.choose(() => this.begin(), (error) => this.onError(error))
  }

  private begin(): void {
    this.connected = true
    this.ends = 0
    this.outage.end()
    this.pulse.rest()
    if (this.watched && !this.inFlight.isEmpty) this.pulse.owe(silenceMillis)
    const commands = this.waiting
    this.waiting = []
    for (const command of commands) this.execute(command)
    for (const { ready } of this.observers) ready()
  }

  /** Nothing can be sent now, and what was sent may be executed (again) after the next connection. */
  private fail(cause: unknown, isFirst: boolean): void {
    const commands = this.waiting
    this.waiting = []
    for (const command of commands) command.fail(cause)
    // A cluster may redirect commands, so later ones may be executed before them.
    if (!this.cluster) this.inFlight.fail(cause)
    if (isFirst) { for (const { lost } of this.observers) lost?.(cause) }
  }

  private onError(error: unknown): void {
    this.outage.lastError = error
    if (!this.connected) this.outage.begin()
  }

  private onClose(): void {
    this.database?.leave()
    this.inFlight.broke()
    this.pulse.rest()
    for (const { reset } of this.observers) reset()
    if (!this.connected) return this.outage.begin()
    this.connected = false
    // They will neither be sent again nor answered.
    if (this.single.options?.autoResendUnfulfilledCommands === false) this.inFlight.fail(this.outage.cause)
    if (this.owned && !this.outage.wasAnswered) this.outage.begin()
  }

  /**
   * A client gives up for good if it learns of a failover while it asks a Sentinel for the primary.
   * Our own is connected again.
   */
  private onEnd(): void {
    this.pulse.rest()
    this.outage.begin()
    if (!this.owned || this.closed) return
    this.revival = setTimeout(() => void this.client.connect().catch(constVoid), backoff(++this.ends))
  }
}
