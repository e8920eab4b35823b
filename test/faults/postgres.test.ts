import { describe } from "@effect/vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { postgres } from "./scenarios.ts"
import { surviveAll } from "./short.ts"

describe.skipIf(!isInstalled("postgres"))("with postgres", () => surviveAll(postgres))
