/**
 * A vitest reporter that ends the run with a line that a program can read: `N passed, N failed`. It appends what failed, and
 * why, to the file that `FAILURES` names, for those who see only the end of several runs.
 */
import { appendFileSync } from "node:fs"
import { stripVTControlCharacters } from "node:util"
import type { Reporter, SerializedError, TestModule } from "vitest/node"

const linesOfEach = 25

interface Failure {
  readonly name: string
  readonly errors: ReadonlyArray<SerializedError>
}

/** The tests that failed, and the files and groups that could not be loaded or prepared, which fail a run without a test. */
const failuresOf = (module: TestModule): Array<Failure> => {
  const file = module.relativeModuleId
  const failures = [{ name: file, errors: module.errors() }]
  for (const suite of module.children.allSuites()) {
    failures.push({ name: `${file} > ${suite.fullName}`, errors: suite.errors() })
  }
  const inTests = [...module.children.allTests("failed")].map((test) => ({
    name: `${file} > ${test.fullName}`,
    errors: test.result().errors ?? []
  }))
  return [...failures.filter(({ errors }) => errors.length > 0), ...inTests]
}

const text = ({ errors, name }: Failure): string => {
  const lines = errors.flatMap(({ diff, message, name, stack, stacks }) => [
    ...`${name}: ${message}`.split("\n"),
    ...(typeof diff === "string" ? diff.split("\n") : []),
    ...(stacks?.map(({ column, file, line, method }) => `at ${method} ${file}:${line}:${column}`)
      ?? stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [])
  ])
  const shown = lines.slice(0, linesOfEach).map((line) => `    ${stripVTControlCharacters(line)}`)
  return [`FAILED on Node ${process.version}: ${name}`, ...shown, ""].join("\n")
}

export default class Counts implements Reporter {
  onTestRunEnd: NonNullable<Reporter["onTestRunEnd"]> = (modules, unhandledErrors) => {
    const counts = { passed: 0, skipped: 0, pending: 0, failed: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++
    }
    const failures = [
      ...modules.flatMap(failuresOf),
      ...unhandledErrors.map((error) => ({ name: "outside of a test", errors: [error] }))
    ]
    if (process.env.FAILURES !== undefined) appendFileSync(process.env.FAILURES, failures.map(text).join(""))
    const skipped = counts.skipped + counts.pending
    const line = `${counts.passed} passed, ${failures.length} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`
    process.once("exit", () => process.stdout.write(`${line}\n`))
  }
}
