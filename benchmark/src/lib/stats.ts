/** Numbers out of rounds. */

export const quantile = (values: ReadonlyArray<number> | Float64Array, q: number): number => {
  const sorted = Float64Array.from(values).toSorted()
  if (sorted.length === 0) return NaN
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low)
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

export const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

/** 1 when all have the same, 1/n when one has everything. */
export const jain = (values: ReadonlyArray<number>): number => {
  const total = sum(values)
  const squares = sum(values.map((value) => value * value))
  return total === 0 ? 0 : (total * total) / (values.length * squares)
}

/** A small seeded generator (mulberry32), so that a run can be repeated in the same order. */
export const random = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export const shuffled = <A>(items: ReadonlyArray<A>, next: () => number): Array<A> => {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}

/** What each contestant scored in each round, by measure. */
export class Rounds {
  private readonly scores = new Map<string, Map<string, Array<number>>>()

  /** With those of before, as `toJSON` gave them. */
  constructor(before: Record<string, Record<string, ReadonlyArray<number>>> = {}) {
    for (const [contestant, own] of Object.entries(before)) {
      this.scores.set(contestant, new Map(Object.entries(own).map(([measure, values]) => [measure, [...values]])))
    }
  }

  add(contestant: string, measures: Record<string, number>): void {
    let own = this.scores.get(contestant)
    if (own === undefined) this.scores.set(contestant, own = new Map())
    for (const [measure, value] of Object.entries(measures)) {
      const values = own.get(measure)
      if (values === undefined) own.set(measure, [value])
      else values.push(value)
    }
  }

  values(contestant: string, measure: string): ReadonlyArray<number> {
    return this.scores.get(contestant)?.get(measure) ?? []
  }

  median(contestant: string, measure: string): number {
    return median(this.values(contestant, measure))
  }

  /** The middle half of the rounds, as a fraction of the median. */
  spread(contestant: string, measure: string): number {
    const values = this.values(contestant, measure)
    return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
  }

  /** The median of the ratios within each round, which noise that lasts longer than a round does not touch. */
  ratio(contestant: string, other: string, measure: string): number {
    const others = this.values(other, measure)
    return median(this.values(contestant, measure).map((value, i) => value / others[i]).filter(Number.isFinite))
  }

  toJSON(): Record<string, Record<string, ReadonlyArray<number>>> {
    const json: Record<string, Record<string, ReadonlyArray<number>>> = {}
    for (const [contestant, own] of this.scores) json[contestant] = Object.fromEntries(own)
    return json
  }
}
