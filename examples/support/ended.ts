import { Data } from "effect"

/** A process that an example has started ended, before it did what it was started for. */
export class Ended extends Data.TaggedError("Ended")<{ readonly who: string; readonly code: number | null }> {
  override get message(): string {
    return `${this.who} ended by itself, with code ${this.code}`
  }
}
