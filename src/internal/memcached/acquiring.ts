/**
 * Acquiring a key: with an ADD, or, if the item exists, depending on its content. Each write then
 * uses the item's CAS; if that has changed, the claim starts over.
 */
import type * as Clock from "effect/Clock"
import type { Attempt, Claim } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import type { Connection } from "./connections.ts"
import * as Content from "./content.ts"
import * as Fault from "./fault.ts"
import { fencingToken, isFencing } from "./fencing.ts"
import { holderIn, type Item, type Own, read, write } from "./item.ts"
import type { Hearer } from "./pending.ts"
import type { Vacancies } from "./vacancies.ts"
import { Opcode, type Reply, type Request, Status } from "./wire.ts"

type Replied = Reply | Fault.Fault

const none: ReadonlyArray<string> = []

/** How often a claim starts over because the item changed between two of its commands. */
const rounds = 5

/** One claim in progress. */
export class Acquiring implements Hearer {
  private readonly connection: Connection
  private readonly key: string
  private readonly claim: Claim
  private readonly clock: Clock.Clock
  private readonly vacancies: Vacancies
  /** Called once. */
  private readonly end: (outcome: Attempt | Fault.Fault) => void
  private round = 1

  constructor(
    connection: Connection,
    key: string,
    claim: Claim,
    clock: Clock.Clock,
    vacancies: Vacancies,
    end: (outcome: Attempt | Fault.Fault) => void
  ) {
    this.connection = connection
    this.key = key
    this.claim = claim
    this.clock = clock
    this.vacancies = vacancies
    this.end = end
  }

  /** Acquires the key if there is no item. */
  add(): void {
    const { claim, clock, connection, key } = this
    connection.link.send(write(Opcode.add, key, claim, clock, none), this)
  }

  /** The reply to an ADD. */
  hear(reply: Replied): void {
    if (reply instanceof Fault.Fault) return this.end(reply)
    switch (reply.status) {
      case Status.ok:
        return this.acquired(reply.cas, none)
      case Status.exists:
        return this.look(() => this.again())
      // The server allocates memory before it looks for the item.
      case Status.outOfMemory:
        return this.look(() => this.end(Fault.ofStatus(reply)))
      default:
        return this.end(Fault.ofStatus(reply))
    }
  }

  /**
   * Reads the item, and acquires it or joins its queue; if there is none, adds one, unless that has
   * just been refused.
   */
  look(absent = () => this.again()): void {
    read(this.connection.link, this.key, (item) => {
      if (item instanceof Fault.Fault) return this.end(item)
      if (item === undefined) return absent()
      if (item.content === undefined) return this.end(Fault.foreign)
      this.seen(item, item.content)
    })
  }

  private seen({ cas }: Item, content: Content.Content): void {
    const { claim, clock, key, vacancies } = this
    const { full, token, waiters } = content
    // An earlier claim of this token succeeded, and its lease began back then: it starts anew.
    if (token === claim.token) return this.take({ cas, waiters })
    if (token === undefined && vacancies.mayTake(key, content, claim.token, monotonicMillis(clock))) {
      return this.take({ cas, waiters: waiters.slice(Math.max(waiters.indexOf(claim.token), 0) + 1) })
    }
    if (claim.wait && !full && !waiters.includes(claim.token)) return this.join(cas, content)
    this.end({ _tag: "Held", ...holderIn(content, clock) })
  }

  /** Makes an existing item the claim's. */
  private take({ cas, waiters }: Own): void {
    const { claim, clock, key } = this
    this.send(write(Opcode.replace, key, claim, clock, waiters, cas), (reply) => {
      if (reply instanceof Fault.Fault) return this.end(reply)
      switch (reply.status) {
        case Status.ok:
          return this.acquired(reply.cas, waiters)
        case Status.exists:
        case Status.notFound:
          return this.again()
        default:
          return this.end(Fault.ofStatus(reply))
      }
    })
  }

  /** Adds the claim to the queue. If there is no room, it still counts as waiting. */
  private join(cas: number, content: Content.Content): void {
    const { claim, clock, key } = this
    this.send({ opcode: Opcode.append, key, value: Content.joining(claim.token), cas }, (reply) => {
      if (reply instanceof Fault.Fault) return this.end(reply)
      if (reply.status === Status.exists || reply.status === Status.notStored) return this.again()
      this.end({ _tag: "Held", ...holderIn(content, clock) })
    })
  }

  private again(): void {
    // Somebody else held it at each look.
    if (this.round++ < rounds) this.add()
    else this.end({ _tag: "Held" })
  }

  /** Transfers the item of another token to the claim, with its queue. */
  takeFrom(from: string): void {
    const { claim, clock, connection, key } = this
    read(connection.link, key, (item) => {
      if (item instanceof Fault.Fault) return this.end(item)
      if (item === undefined) return this.end({ _tag: "Held" })
      const { cas, content } = item
      if (content === undefined) return this.end(Fault.foreign)
      const { token, waiters } = content
      if (token === undefined || (token !== from && token !== claim.token)) {
        return this.end({ _tag: "Held", ...holderIn(content, clock) })
      }
      this.send(write(Opcode.replace, key, claim, clock, waiters, cas), (reply) => {
        if (reply instanceof Fault.Fault) return this.end(reply)
        if (reply.status === Status.ok) return this.acquired(reply.cas, waiters)
        const hasChanged = reply.status === Status.exists || reply.status === Status.notFound
        if (!hasChanged) return this.end(Fault.ofStatus(reply))
        if (this.round++ < rounds) this.takeFrom(from)
        else this.end(Fault.restless)
      })
    })
  }

  private acquired(cas: number, waiters: ReadonlyArray<string>): void {
    const { claim: { expiresMillis, token }, clock, connection: { hints, link } } = this
    if (cas === 0) return this.end(Fault.casMissing)
    const at = monotonicMillis(clock)
    hints.set(token, { cas, waiters, endsAt: at + expiresMillis }, at)
    const fencing = fencingToken(link.startedAt(), cas)
    this.end(isFencing(fencing) ? { _tag: "Acquired", fencingToken: fencing } : Fault.timeUnfit)
  }

  private send(request: Request, hear: (reply: Replied) => void): void {
    this.connection.link.send(request, { hear })
  }
}
