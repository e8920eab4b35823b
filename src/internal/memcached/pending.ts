/** What waits for a reply, oldest first: the server answers in the order in which it was asked. */
import type { Fault } from "./fault.ts"
import type { Opcode, Reply } from "./wire.ts"

/** Told once; with STAT, of each of its replies. */
export interface Hearer {
  hear(reply: Reply | Fault): void
}

/** No object literal: see `passing.ts`. */
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
    // An array that has grown old keeps alive what is in it, and all that led to that.
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
