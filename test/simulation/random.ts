/** Choices that a seed decides. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = Math.imul(seed, 0x9e3779b1) >>> 0
    this.next()
  }

  /** From 0 to 1, exclusive (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.int(from.length)]
  }

  /** In eighths, which add up without rounding. */
  millis(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from) * 8) / 8
  }
}
