/**
 * Plays worlds by the thousand: `npm run simulate -- --seeds 1-100000 --kind told`.
 *
 * - `--seeds 7` or `--seeds 1-1000`
 * - `--kind direct,polling` of which kinds (all by default)
 * - `--only overlap,orphan`, `--without residue`: which rules are minded
 * - `--steps`: each call of small worlds is interrupted at each of its steps
 * - `--hands`: worlds in which keys change hands, in place of calls of every kind
 * - `--several`: worlds of calls for several keys, of work under leases that one has, and of those who wait until a key is free
 * - `--gentle`: no call brings a schedule that hangs or a tracer that throws
 * - `--log`: the log of the first one that fails, or of the only one
 * - `--first`: stops at the first one that fails
 * - `--seconds 60`: stops after so long
 */
import { parseArgs } from "node:util"
import * as Hands from "./hands.ts"
import { type Kind, kinds } from "./plan.ts"
import { type Options, simulate } from "./scenario.ts"
import * as Several from "./several.ts"
import { interruptions } from "./steps.ts"
import { type Rule, rules } from "./witness.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1-1000" },
    kind: { type: "string", default: Object.keys(kinds).join() },
    only: { type: "string" },
    without: { type: "string" },
    steps: { type: "boolean", default: false },
    hands: { type: "boolean", default: false },
    several: { type: "boolean", default: false },
    gentle: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
    log: { type: "boolean", default: false },
    seconds: { type: "string", default: "Infinity" }
  }
})

const known = <A extends string>(text: string, names: object): ReadonlyArray<A> =>
  text.split(",").map((name) => {
    if (!(name in names)) throw new Error(`no such name: ${name} (there are ${Object.keys(names).join(", ")})`)
    return name as A
  })

const only = values.only === undefined ? undefined : known<Rule>(values.only, rules)
const without = values.without === undefined ? [] : known<Rule>(values.without, rules)
const [from, to = from] = values.seeds.split("-").map(Number)
const options: Options = {
  gentle: values.gentle,
  only: (rule) => (only?.includes(rule) ?? true) && !without.includes(rule)
}
const until = performance.now() + 1_000 * Number(values.seconds)

const { play } = values.hands ? Hands : values.several ? Several : { play: undefined }

const simulated = (seed: number, kind: Kind, options: Options) =>
  play === undefined ? simulate(seed, kind, options) : play(seed, kind, undefined, options.traced)

let printed = false
for (const kind of known<Kind>(values.kind, kinds)) {
  const found = new Map<string, Array<string>>()
  let worlds = 0
  let calls = 0
  for (let seed = from; seed <= to && performance.now() < until && !(values.first && found.size > 0); seed++) {
    for (const variant of values.steps ? interruptions(seed, kind, options) : [options]) {
      const all = { ...options, ...variant }
      const { operations, rule, violation } = simulated(seed, kind, all)
      if (rule !== undefined && options.only?.(rule) === false) continue
      worlds++
      calls += operations
      if (rule === undefined) continue
      const place = variant.interrupt === undefined
        ? `${seed}`
        : `${seed}/${variant.interrupt.call}/${variant.interrupt.step}`
      found.set(rule, [...found.get(rule) ?? [], place])
      if (values.log && !printed) {
        printed = true
        console.log(simulated(seed, kind, { ...all, traced: true }).lines.join("\n"))
        console.log(violation)
      }
    }
  }
  if (values.log && !printed && from === to && !values.steps) {
    console.log(simulated(from, kind, { ...options, traced: true }).lines.join("\n"))
  }
  console.log(`${kind}: ${worlds} worlds, ${calls} calls`)
  for (const [rule, places] of found) {
    console.log(`  ${rule} ${places.length}: ${places.slice(0, 8).join(" ")}${places.length > 8 ? " …" : ""}`)
  }
  if (found.size > 0) process.exitCode = 1
}
