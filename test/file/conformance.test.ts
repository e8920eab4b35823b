/** What every store must do, checked on files. */
import { Duration, Effect } from "effect"
import { conformance } from "effect-lock/testing"
import { conforms } from "../support/conforms.ts"
import { directory } from "../support/directory.ts"
import { program } from "../support/program.ts"
import { storeIn } from "./support.ts"

const all = conformance.conformance({
  name: "file",
  lease: "3 seconds",
  make: Effect.gen(function*() {
    const path = yield* directory
    const [one, other] = [yield* storeIn(path), yield* storeIn(path)]
    return { one: { ...one, patience: Duration.millis(200) }, other, program: yield* program("file", path) }
  })
})

conforms("files conform", all)
