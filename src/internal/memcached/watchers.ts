/** The waiters of this process that poll their items, each until its scope closes. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { monotonicMillis } from "../time.ts"
import type { Connections } from "./connections.ts"
import * as Fault from "./fault.ts"
import { type Item, read } from "./item.ts"
import type { Vacancies } from "./vacancies.ts"
import { type Sight, watch } from "./watching.ts"

export class Watchers {
  private readonly tokens = new Set<string>()
  private readonly connections: Connections
  private readonly vacancies: Vacancies
  private readonly clock: Clock.Clock

  constructor(connections: Connections, vacancies: Vacancies, clock: Clock.Clock) {
    this.connections = connections
    this.vacancies = vacancies
    this.clock = clock
  }

  /** It has seen an item, and so need not try to add one. */
  has(token: string): boolean {
    return this.tokens.has(token)
  }

  add(itemKey: string, token: string, notify: () => void): Effect.Effect<void, never, Scope.Scope> {
    const look = Effect.callback<Sight, Fault.Fault>((resume) =>
      read(
        this.connections.of(itemKey).link,
        itemKey,
        (item) =>
          resume(item instanceof Fault.Fault ? Exit.fail(item) : Exit.succeed(this.sightOf(itemKey, token, item)))
      )
    )
    return Effect.suspend(() => {
      this.tokens.add(token)
      return Effect.andThen(
        Effect.addFinalizer(() => Effect.sync(() => this.tokens.delete(token))),
        Effect.asVoid(Effect.forkScoped(watch(Effect.option(look), notify)))
      )
    })
  }

  private sightOf(itemKey: string, token: string, item: Item | undefined): Sight {
    if (item?.content === undefined) return { open: true, mark: "", ahead: 0 }
    const { content } = item
    const { full, time, waiters } = content
    const place = waiters.indexOf(token)
    const isOpen = content.token === undefined &&
      this.vacancies.mayTake(itemKey, content, token, monotonicMillis(this.clock))
    return {
      open: isOpen || (place < 0 && !full),
      mark: content.token ?? `${time}`,
      ahead: place < 0 ? waiters.length : place
    }
  }
}
