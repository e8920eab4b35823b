/**
 * Who is told of changes of rows. A row that is watched has an entry for our channel, which whoever
 * changes the row reads; entries that were deleted are made again.
 */
import type { Link } from "./link.ts"
import type { Statements } from "./statements.ts"

export class Watchers {
  private readonly link: Link
  private readonly statements: Statements
  private readonly channel: string
  private readonly byRow = new Map<string, Set<() => void>>()

  constructor(link: Link, statements: Statements, channel: string) {
    this.link = link
    this.statements = statements
    this.channel = channel
  }

  add(row: string, notify: () => void): void {
    this.byRow.set(row, (this.byRow.get(row) ?? new Set()).add(notify))
  }

  remove(row: string, notify: () => void): void {
    const told = this.byRow.get(row)
    told?.delete(notify)
    if (told?.size !== 0) return
    this.byRow.delete(row)
    this.link.run(this.statements.unwatch, [row, this.channel], () => {})
  }

  tell(row: string): void {
    this.byRow.get(row)?.forEach((notify) => notify())
  }

  /** Only then can its watchers look. */
  enroll(row: string): void {
    this.link.run(this.statements.watch, [row, this.channel], () => this.tell(row))
  }

  enrollAll(): void {
    for (const row of this.byRow.keys()) this.enroll(row)
  }
}
