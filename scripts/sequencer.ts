/** The order of test files: those that take long, mostly waiting, start first, so that the others run beside them. */
import type { TestSpecification } from "vitest/node"
import { BaseSequencer } from "vitest/node"

const long = [
  "faults/redis",
  "/clients",
  "redis/conformance",
  "sql/conformance",
  "site/site",
  "browser/tabs",
  "examples",
  "redis/sentinel",
  "memcached/conformance",
  "postgres/sharing/model",
  "postgres/conformance",
  "faults/",
  "cli/look",
  "redis/sharing/",
  "simulation/",
  "redis/waiting",
  "redis/backend",
  "package/",
  "cli/",
  "conformance",
  "/sharing/",
  "/faults",
  "redis/fencing",
  "file/processes",
  "memcached/backend",
  "list.test"
]

const projects = ["alone", "slow", "library"]

const rank = ({ moduleId, project }: TestSpecification): number => {
  const index = long.findIndex((part) => moduleId.includes(part))
  // The files of a project follow each other: one of another project in between would end the process that they share.
  return (long.length + 1) * projects.indexOf(project.name) + (index < 0 ? long.length : index)
}

export default class LongFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
