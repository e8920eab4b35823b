/** One scenario in a process of its own: `run.ts <scenario> <context as JSON>`. */
import type { Context, Scenario } from "./lib/scenario.ts"

const [name, json] = process.argv.slice(2)
const context: Context = { ...JSON.parse(json), log: (line: string) => console.error(`  ${line}`) }
const { run } = await import(`./scenarios/${name}.ts`) as { readonly run: Scenario }
const report = await run(context)
if (process.send === undefined) console.log(JSON.stringify(report, undefined, 2))
else process.send(report)
process.disconnect?.()
setTimeout(() => process.exit(), 100)
