/** `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, as libpq reads it. */
import * as Result from "effect/Result"
import { X509Certificate } from "node:crypto"
import * as Fs from "node:fs"
import { InvalidOptions } from "../../LockError.ts"

export const expected = "postgres://[user[:password]@][host][:port][/database][?sslmode=require&…]"

/** Never shows what was given, which may contain a password wherever it is malformed. */
const malformed = Result.fail(new InvalidOptions({ option: "url", value: "a malformed URL", expected }))

/** That the driver knows; a word of other clients, such as `no-verify`, must not pass for one of them. */
const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

const unknownMode = Result.fail(
  new InvalidOptions({ option: "url", value: "an unknown sslmode", expected: `one of ${modes.join(", ")}` })
)

/** Checks what the driver would complain of with the URL in its words, and only when it connects. */
export const check = (url: string): Result.Result<string, InvalidOptions> => {
  try {
    const { hostname, password, pathname, port, protocol, searchParams, username } = new URL(url)
    if (protocol !== "postgres:" && protocol !== "postgresql:") return malformed
    if (port === "0" || pathname.slice(1).includes("/")) return malformed
    for (const part of [hostname, password, pathname, username]) decodeURIComponent(part)
    if (searchParams.getAll("sslmode").some((mode) => !modes.includes(mode))) return unknownMode
    return Result.succeed(url)
  } catch {
    return malformed
  }
}

/** Whether a checked URL names a user. */
export const hasUser = (url: string): boolean => {
  const { searchParams, username } = new URL(url)
  return username !== "" || searchParams.has("user")
}

/** Where a checked URL leads to, as far as it says that; a host that begins with `/` is a folder with the server's socket. */
export const placeOf = (url: string): { readonly host?: string | undefined; readonly port?: number | undefined } => {
  const { hostname, port, searchParams } = new URL(url)
  const host = searchParams.get("host") ?? decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1")
  const named = searchParams.get("port") ?? port
  return { host: host === "" ? undefined : host, port: named === "" ? undefined : Number(named) }
}

/**
 * What a checked URL says of the authorities that it trusts, which the driver does not read: those in the file
 * `sslrootcert`, or those of the system. To name them asks for TLS.
 */
export const trustOf = (
  url: string
): Result.Result<true | { readonly ca: string } | undefined, InvalidOptions> => {
  const { searchParams } = new URL(url)
  const file = searchParams.getAll("sslrootcert").at(-1) ?? ""
  if (file === "" || searchParams.getAll("sslmode").at(-1) === "disable") return Result.succeed(undefined)
  if (file === "system") return Result.succeed(true)
  try {
    const ca = Fs.readFileSync(file, "utf8")
    // What is no certificate would be passed over, and everybody refused.
    void new X509Certificate(ca)
    return Result.succeed({ ca })
  } catch {
    return Result.fail(
      new InvalidOptions({
        option: "url",
        value: "an sslrootcert that cannot be read",
        expected: "sslrootcert=<path of a file with certificates in PEM>, or system"
      })
    )
  }
}
