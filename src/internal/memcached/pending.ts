/** The requests that wait for a reply, oldest first: the server answers them in order. */
import type { Fault } from "./fault.ts"
import type { Opcode, Reply } from "./wire.ts"

/** Called once; for STAT, with each of its replies. */
export interface Hearer {
  hear(reply: Reply | Fault): void
}

/** A class and not an object literal: see `passing.ts`. */
export class Entry {
  readonly opcode: Opcode
  readonly opaque: number
  readonly sentAt: number
  readonly hearer: Hearer

  constructor(opcode: Opcode, opaque: number, sentAt: number, hearer: Hearer) {
    this.opcode = opcode
    this.opaque = opaque
    this.sentAt = sentAt
    this.hearer = hearer
  }
}

export class Pending {
  private entries: Array<Entry | undefined> = []
  private head = 0

  get size(): number {
    return this.entries.length - this.head
  }

  get oldest(): Entry | undefined {
    return this.entries[this.head]
  }

  push(entry: Entry): void {
    this.entries.push(entry)
  }

  shift(): void {
    // An array in the old generation would keep the entry alive, and everything that it refers to.
    this.entries[this.head] = undefined
    if (++this.head === this.entries.length) {
      this.entries.length = this.head = 0
    } else if (this.head === 1024) {
      this.entries.splice(0, this.head)
      this.head = 0
    }
  }

  clear(): ReadonlyArray<Entry> {
    const left = this.entries.slice(this.head) as Array<Entry>
    this.entries = []
    this.head = 0
    return left
  }
}
