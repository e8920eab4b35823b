/**
 * This process and the others of the host: their names, which are gone, and their common clock and
 * file system.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import { codeOf } from "./failure.ts"

const readIn = (read: () => string): string | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/**
 * The namespace of process ids, such as `4026531836`: two containers use the same ids for different
 * processes. If it is unknown, no process ever counts as gone.
 */
const namespace: string | undefined = process.platform === "linux"
  ? readIn(() => fs.readlinkSync("/proc/self/ns/pid").replace(/\D/g, ""))
  : "0"

/**
 * When a process started, in ticks since the host booted, which tells it from an earlier one with
 * the same id. A zombie counts as gone.
 */
const beginOf = (id: string): string | undefined =>
  readIn(() => {
    const stat = fs.readFileSync(`/proc/${id}/stat`, "latin1")
    // The second field is a name in parentheses, which may contain anything.
    const { 0: state, 17: threads, 19: begin } = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === "Z" && threads === "1" ? "ended" : begin
  })

const unknown = "0"

/** This process as the owner of a state: `<namespace>-<id>-<start>`. */
export const self: string = namespace === undefined
  ? ""
  : `${namespace}-${process.pid}-${beginOf("self") ?? unknown}`

const isThere = (id: number): boolean => {
  try {
    return process.kill(id, 0)
  } catch (error) {
    // A process of another user must not be signalled, but exists.
    return codeOf(error) !== "ESRCH"
  }
}

/** The owner of a lease that outlives its process: it is never gone. */
export const nobody = ""

/** Until when a process that was seen alive counts as alive. Process ids are not reused that soon. */
const seen = new Map<string, number>()
const seenMillis = 5_000
const mostSeen = 1_000

/** Whether the owner is certainly gone. If that is unknown, its lease has to expire. */
export const isGone = (owner: string): boolean => {
  const [where, id, begin = unknown] = owner.split("-")
  if (where === "" || where !== namespace) return false
  if (!isThere(+id)) return true
  const at = performance.now()
  if (begin === unknown || at < (seen.get(owner) ?? -Infinity)) return false
  const now = beginOf(id)
  if (now !== undefined && now !== begin) return true
  if (seen.size >= mostSeen) seen.clear()
  seen.set(owner, at + seenMillis)
  return false
}

/** Readings of clocks, in seconds. */
interface Clocks {
  readonly monotonic: number
  readonly sinceProcessStart: number
  readonly sinceHostStart: number
  /** The offset of this process's clocks from the host's, as Linux has it. */
  readonly offsets: string | undefined
}

export const readClocks = (): Clocks => ({
  monotonic: Number(process.hrtime.bigint()) / 1e9,
  sinceProcessStart: process.uptime(),
  sinceHostStart: os.uptime(),
  offsets: process.platform === "linux"
    ? readIn(() => fs.readFileSync("/proc/self/timens_offsets", "utf8"))
    : undefined
})

/** Why this process's monotonic clock is not the host's, which leases need; undefined if it is. */
export const clockProblem = (clocks: Clocks): string | undefined => {
  const { monotonic, offsets, sinceHostStart, sinceProcessStart } = clocks
  if (Math.abs(monotonic - sinceProcessStart) < 1 && sinceHostStart - monotonic > 10) {
    return "this runtime's monotonic clock (process.hrtime) begins with the process, so processes cannot share leases; " +
      "Node's begins with the host"
  }
  const offset = /^monotonic\s+(-?\d+)\s+(-?\d+)/m.exec(offsets ?? "")
  return offset !== null && (+offset[1] !== 0 || +offset[2] !== 0)
    ? "this process is in a time namespace whose monotonic clock is not the host's"
    : undefined
}

/**
 * The types of `statfs(2)`. FUSE may be anything, including `sshfs` and a virtual machine's shared
 * folders.
 */
const shared: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x65735546, "FUSE"]
])

/**
 * A file system that several hosts write to has no common monotonic clock, stale listings, and no
 * notifications.
 */
export const fileSystemProblem = (type: number): string | undefined => {
  const name = process.platform === "linux" ? shared.get(type >>> 0) : undefined
  return name === undefined
    ? undefined
    : `it is on ${name}, which other hosts may write to; the directory must be on a file system of this host alone`
}
