/** `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, as libpq reads it. */
import * as Result from "effect/Result"
import { X509Certificate } from "node:crypto"
import * as Fs from "node:fs"
import { InvalidOptions } from "../../LockError.ts"
import * as Url from "../url.ts"

export const expected = "postgres://[user[:password]@][host][:port][/database][?sslmode=require&…]"

const usualPort = 5432

/** That the driver knows; a word of other clients, such as `no-verify`, must not pass for one of them. */
const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

const severalServers = Url.wrong("several servers", `one: ${expected}`)

/** Checks what the driver would complain of with the URL in its words, and only when it connects. */
export const check = (url: string): Url.Read<string> => {
  const rest = /^postgres(?:ql)?:\/\/(.*)$/is.exec(url)?.[1]
  if (rest === undefined) return Url.wrong("another scheme or none", expected)
  if (!URL.canParse(url)) return isNoUrl(rest)
  const { hostname, password, pathname, port, searchParams, username } = new URL(url)
  const parts = { user: username, password, host: hostname, database: pathname }
  for (const [name, part] of Object.entries(parts)) {
    if (Url.decode(part) === undefined) return Url.wrong(`a stray "%" in the ${name}`, Url.encoded)
  }
  if (hostname.includes(",")) return severalServers
  if (port === "0") return Url.wrong("port 0", Url.expectedServer(usualPort))
  if (pathname.slice(1).includes("/")) return Url.wrong(`a "/" in the database`, `its name, with "%2F" for "/"`)
  if (searchParams.getAll("sslmode").some((mode) => !modes.includes(mode))) {
    return Url.wrong("an unknown sslmode", `one of ${modes.join(", ")}`)
  }
  return Result.succeed(url)
}

/** The part for which it is none. */
const isNoUrl = (rest: string): Url.Read<never> => {
  const [authority] = /^[^/?#]*/.exec(rest)!
  const { hosts } = Url.cut(authority)
  if (hosts.includes(",")) return severalServers
  if (rest.includes("@") && !authority.includes("@")) {
    return Url.wrong(`a "/", "?" or "#" in the user or the password`, Url.encoded)
  }
  return Url.placeOf(hosts) === undefined
    ? Url.wrong("a malformed server", Url.expectedServer(usualPort))
    : Url.wrong("a malformed URL", expected)
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
