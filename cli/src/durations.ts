/** Durations on the command line. */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

const units = { ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" } as const

/**
 * `10s`, `1.5h`, `500ms`, `"10 seconds"`, `0`, or `forever`. Any other number without a unit is
 * invalid.
 */
const parse = (text: string): Option.Option<Duration.Duration> => {
  if (/^(?:forever|infinity)$/i.test(text)) return Option.some(Duration.infinity)
  if (text === "0") return Option.some(Duration.zero)
  const short = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(text)
  if (short !== null) return Duration.fromInput(`${Number(short[1])} ${units[short[2] as keyof typeof units]}`)
  return /^\d/.test(text) ? Duration.fromInput(text as Duration.Input) : Option.none()
}

export const flag = (name: string, description: string): Flag.Flag<Duration.Duration> =>
  Flag.String(name).pipe(
    Flag.filterMap(parse, () => "a duration with its unit, such as 500ms, 10s, 5m, 1h, or forever"),
    Flag.withMetavar("DURATION"),
    Flag.withDescription(description)
  )
