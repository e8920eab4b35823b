import { describe } from "@effect/vitest"
import { files, memory } from "./scenarios.ts"
import { surviveAll } from "./short.ts"

describe("in memory", () => surviveAll(memory))

describe("in files", () => surviveAll(files))
