/** Commands that are only executed while the item is the token's: extend and release. */
import type * as Clock from "effect/Clock"
import type { Extension } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import type { Connection } from "./connections.ts"
import * as Content from "./content.ts"
import * as Fault from "./fault.ts"
import { type Item, type Own, read, vacate, write } from "./item.ts"
import type { Hearer } from "./pending.ts"
import { Opcode, type Reply, type Request, Status } from "./wire.ts"

/** How often a command starts over: waiters that come and go change the item, each once. */
const rounds = 100

abstract class OnOwn implements Hearer {
  protected readonly connection: Connection
  protected readonly key: string
  protected readonly token: string
  protected readonly clock: Clock.Clock
  /** Called once, with whether the item was the token's. */
  private readonly end: (wasOurs: boolean | Fault.Fault) => void
  private round = 1
  /** The command in flight, and the item that it is for. */
  private sent: Request | undefined = undefined
  private own: Own | undefined = undefined

  constructor(
    connection: Connection,
    key: string,
    token: string,
    clock: Clock.Clock,
    end: (wasOurs: boolean | Fault.Fault) => void
  ) {
    this.connection = connection
    this.key = key
    this.token = token
    this.clock = clock
    this.end = end
  }

  protected abstract command(own: Own): Request

  /** The command was executed, and the item is this now. */
  protected done(_own: Own): void {}

  /** What to do instead when the server has no memory for it. */
  protected whenFull(_own: Own): Request | undefined {
    return undefined
  }

  /** What to do with an item that is another's. */
  protected onOther(_item: Item): Request | undefined {
    return undefined
  }

  run(): void {
    const { connection: { hints, link }, end, key, token } = this
    const hint = hints.get(token)
    if (hint !== undefined) return this.send(this.command(hint), hint)
    read(link, key, (item) => {
      if (item instanceof Fault.Fault) return end(item)
      if (item?.content?.token !== token) return this.passBy(item)
      const own = { cas: item.cas, waiters: item.content.waiters }
      this.send(this.command(own), own)
    })
  }

  private send(request: Request, own: Own): void {
    this.sent = request
    this.own = own
    this.connection.link.send(request, this)
  }

  /** The reply to the command. */
  hear(reply: Reply | Fault.Fault): void {
    if (reply instanceof Fault.Fault) return this.end(reply)
    const own = this.own!
    this.connection.hints.delete(this.token)
    switch (reply.status) {
      case Status.ok:
        this.done({ cas: reply.cas, waiters: own.waiters })
        return this.end(true)
      case Status.notFound:
        return this.end(false)
      case Status.exists:
        return this.round++ < rounds ? this.run() : this.end(Fault.restless)
    }
    const other = reply.status === Status.outOfMemory ? this.whenFull(own) : undefined
    if (other === undefined || other.opcode === this.sent!.opcode) this.end(Fault.ofStatus(reply))
    else this.send(other, own)
  }

  /** The item is another's, or there is none. */
  private passBy(item: Item | undefined): void {
    const { connection: { link }, end } = this
    const request = item && this.onOther(item)
    if (request === undefined) return end(false)
    const hear = (reply: Reply | Fault.Fault): void => {
      if (reply instanceof Fault.Fault) return end(reply)
      if (reply.status === Status.exists && this.round++ < rounds) this.run()
      else end(false)
    }
    link.send(request, { hear })
  }
}

export class Extending extends OnOwn {
  private readonly extension: Extension

  constructor(
    connection: Connection,
    key: string,
    extension: Extension,
    clock: Clock.Clock,
    end: (wasOurs: boolean | Fault.Fault) => void
  ) {
    super(connection, key, extension.token, clock, end)
    this.extension = extension
  }

  protected command({ cas, waiters }: Own): Request {
    return write(Opcode.replace, this.key, this.extension, this.clock, waiters, cas)
  }

  protected override done({ cas, waiters }: Own): void {
    const at = monotonicMillis(this.clock)
    this.connection.hints.set(this.token, { cas, waiters, endsAt: at + this.extension.expiresMillis }, at)
  }
}

export class Releasing extends OnOwn {
  protected command(own: Own): Request {
    return vacate(this.key, own, this.clock)
  }

  /** The waiters lose their places. */
  protected override whenFull({ cas }: Own): Request {
    return vacate(this.key, { cas, waiters: [] }, this.clock)
  }

  /** A token that only waits is removed from the queue. */
  protected override onOther({ cas, content }: Item): Request | undefined {
    if (content === undefined || !content.waiters.includes(this.token)) return undefined
    // The item was reserved for it, and is now reserved for the next one.
    if (content.token === undefined && content.waiters[0] === this.token) {
      return vacate(this.key, { cas, waiters: content.waiters.slice(1) }, this.clock)
    }
    return { opcode: Opcode.append, key: this.key, value: Content.leaving(this.token), cas }
  }
}
