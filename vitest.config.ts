import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import "./scripts/node20.mjs"

const src = fileURLToPath(new URL("./src/", import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-lock$/, replacement: `${src}index.ts` },
      { find: /^effect-lock\/testing$/, replacement: `${src}testing/index.ts` },
      { find: /^effect-lock\/(.+)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "./scripts/counts.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000
  }
})
