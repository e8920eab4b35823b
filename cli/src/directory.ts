/** Checks that only apply to a directory of locks. */
import * as Effect from "effect/Effect"
import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { failed, type Finding, ok, warning } from "./finding.ts"

/**
 * Network file systems, by Linux's magic numbers: their renames are not reliably atomic among
 * hosts.
 */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x517b, "SMB"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x73757245, "Coda"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x65735546, "FUSE"]
])

const place = (directory: string): Finding => {
  const check = "file system"
  try {
    const { type } = statfsSync(directory)
    const network = networks.get(Number(BigInt.asUintN(32, BigInt(type))))
    return network === undefined
      ? ok(check, "local")
      : failed(
        check,
        network,
        "leases are counted by this host's clock, so processes of other hosts would not be kept out; it is refused",
        "use a local directory, and for several hosts a server"
      )
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return warning(check, `unknown: ${why}`, "this cannot be judged", "see whether the directory is there")
  }
}

const rights = (directory: string): Finding => {
  const check = "rights"
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return failed(
      check,
      "this user may not write there",
      "it gets no locks",
      "give the directory to the user, or to a group of all who share locks"
    )
  }
  const { mode, uid } = statSync(directory)
  const isOpen = (mode & 0o002) !== 0
  const octal = (mode & 0o7777).toString(8).padStart(4, "0")
  return isOpen
    ? warning(
      check,
      `mode ${octal}: everybody may write there`,
      "any user of this host can free locks, or hold them for ever",
      "give the directory to a group, with mode 0770"
    )
    : ok(check, `mode ${octal}, of user ${uid}`)
}

const room = (directory: string): Finding => {
  const check = "room"
  try {
    const { bavail, bsize, ffree, files } = statfsSync(directory)
    const megabytes = Math.round(bavail * bsize / 1_000_000)
    const isFull = megabytes < 1 || (files > 0 && ffree < 100)
    const found = `${megabytes} MB${files > 0 ? ` and ${ffree} files` : ""} left`
    return isFull ? warning(check, found, "keys that are not there yet get no lock", "make room") : ok(check, found)
  } catch {
    return ok(check, "not said by the system")
  }
}

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.sync(() => {
    const directory = fileURLToPath(url)
    return [place(directory), rights(directory), room(directory)]
  })
