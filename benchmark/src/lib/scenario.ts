/** What a scenario is given, and what it gives. */

export interface Context {
  readonly quick: boolean
  /** Which part, of a scenario that has some. */
  readonly part: string
  /** How many rounds, of a scenario that can be run a few rounds at a time; all that are wanted unless given. */
  readonly rounds?: number | undefined
  /** What was measured before, to which this run adds. */
  readonly before?: Report["data"] | undefined
  readonly seed: number
  readonly redisPort: number
  readonly memcachedPort: number
  readonly log: (line: string) => void
}

export interface Table {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number>>
  readonly note?: string | undefined
}

/** A figure that the library wants to reach. */
export interface Reach {
  readonly what: string
  readonly target: string
  readonly value: string
  readonly met: boolean
}

export interface Report {
  readonly tables: ReadonlyArray<Table>
  readonly reach: ReadonlyArray<Reach>
  /** Everything that was measured, for `results.json` and the plot. */
  readonly data: Record<string, unknown>
}

export type Scenario = (context: Context) => Promise<Report>

/** Stops the run: a figure of something that does not work is worth nothing. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`not correct: ${message}`)
}

export const atLeast = (what: string, value: number, target: number, unit = ""): Reach => ({
  what,
  target: `>= ${target}${unit}`,
  value: `${short(value)}${unit}`,
  met: value >= target
})

export const atMost = (what: string, value: number, target: number, unit = ""): Reach => ({
  what,
  target: `<= ${target}${unit}`,
  value: `${short(value)}${unit}`,
  met: value <= target
})

/** Three digits, and no more than that of any number. */
export const short = (value: number): string => {
  if (!Number.isFinite(value)) return "-"
  const size = Math.abs(value)
  if (size >= 9999.5) return `${short(value / 1000)}k`
  if (size >= 99.95) return value.toFixed(0)
  if (size >= 9.995) return value.toFixed(1)
  return value.toFixed(2)
}

export const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`

export const forceGc = (): void => (globalThis as { gc?: () => void }).gc?.()

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
