/** PostgreSQL, told of releases or, as behind a pooler that hears nothing, looking for them. */
import { Effect } from "effect"
import { conformance } from "effect-lock/testing"
import { flavours } from "../sqlStores.ts"

const program = conformance.serve((argument) => {
  const { flavour, table, url } = JSON.parse(argument)
  return flavours.find(({ name }) => name === flavour)!.make(url, { table })
})

await Effect.runPromise(program)
