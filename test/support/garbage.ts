/** What minor garbage collections leave. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

/** Megabytes that minor garbage collections do not free of what has passed, three at a time, through a collection in the old generation. */
export const kept = (things: { add(one: object): unknown; delete(one: object): unknown }): number => {
  gc()
  things.add(things)
  things.delete(things)
  // It grows old.
  for (let i = 0; i < 6; i++) gc({ type: "minor" })
  const before = process.memoryUsage().heapUsed
  const out: Array<object> = []
  for (let i = 0; i < 20_000; i++) {
    const one = { payload: Array.from({ length: 128 }, () => i) }
    out.push(one)
    things.add(one)
    if (out.length > 3) things.delete(out.shift()!)
  }
  gc({ type: "minor" })
  gc({ type: "minor" })
  return (process.memoryUsage().heapUsed - before) / 1e6
}
