import { describe } from "@effect/vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { memcached } from "./scenarios.ts"
import { surviveAll } from "./short.ts"

describe.skipIf(!isInstalled("memcached"))("with memcached", () => surviveAll(memcached))
