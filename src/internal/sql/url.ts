/** `postgres://[user[:password]@][host][:port][/database][?parameter=value&…]`, as libpq reads it. */
import * as Result from "effect/Result"
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as Fs from "node:fs"
import { InvalidOptions } from "../../LockError.ts"
import * as Url from "../url.ts"

export const expected = "postgres://[user[:password]@][host][:port][/database][?sslmode=require&…]"

const usualPort = 5432

/** The modes that the driver knows; one of other clients, such as `no-verify`, must not be taken for one of them. */
const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

const severalServers = Url.wrong("several servers", `one: ${expected}`)

/** Checks what the driver would only complain about when it connects, and with the URL in its message. */
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

/** Which part makes it invalid. */
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

/** Where a checked URL leads, as far as it says so; a host that begins with `/` is the directory of the server's socket. */
export const placeOf = (url: string): { readonly host?: string | undefined; readonly port?: number | undefined } => {
  const { hostname, port, searchParams } = new URL(url)
  const host = searchParams.get("host") ?? decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1")
  const named = searchParams.get("port") ?? port
  return { host: host === "" ? undefined : host, port: named === "" ? undefined : Number(named) }
}

/** The parameters for TLS that the driver does not read. */
export interface Files {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
}

const unusable = (value: string, expected: string): Result.Result<never, InvalidOptions> =>
  Result.fail(new InvalidOptions({ option: "url", value, expected }))

/** The parameters that only `pg.ssl` can replace. To ignore them would make the connection less safe than asked for. */
const unread = {
  sslcrl: "pg.ssl.crl",
  sslcrldir: "pg.ssl.crl",
  ssl_min_protocol_version: "pg.ssl.minVersion",
  ssl_max_protocol_version: "pg.ssl.maxVersion"
}

/** The text of a file, if `understands` accepts it. */
const read = (file: string, understands: (text: string) => void): string | undefined => {
  try {
    const text = Fs.readFileSync(file, "utf8")
    understands(text)
    return text
  } catch {
    return undefined
  }
}

/** A file without a certificate would be ignored: every server would be refused, or the client would present none. */
const certificate = (text: string) => void new X509Certificate(text)

/**
 * The options for TLS in a checked URL that the driver does not read: the trusted authorities, from the file `sslrootcert` or
 * the system, and the client's own certificate. Naming any of them asks for TLS.
 */
export const tlsOf = (url: string): Result.Result<true | Files | undefined, InvalidOptions> => {
  const { searchParams } = new URL(url)
  const last = (name: string): string => searchParams.getAll(name).at(-1) ?? ""
  if (last("sslmode") === "disable") return Result.succeed(undefined)
  for (const [name, instead] of Object.entries(unread)) {
    if (last(name) !== "") return unusable(`${name}, which is not read`, `the option ${instead} instead`)
  }
  const [rootFile, certFile, keyFile] = [last("sslrootcert"), last("sslcert"), last("sslkey")]
  const ca = rootFile === "" || rootFile === "system" ? undefined : read(rootFile, certificate)
  if (rootFile !== "" && rootFile !== "system" && ca === undefined) {
    return unusable(
      "an sslrootcert that cannot be read",
      "sslrootcert=<path of a file with certificates in PEM>, or system"
    )
  }
  if (certFile === "" && keyFile === "") {
    return Result.succeed(ca !== undefined ? { ca } : rootFile === "" ? undefined : true)
  }
  if (certFile === "" || keyFile === "") {
    const [given, missing] = certFile === "" ? ["sslkey", "sslcert"] : ["sslcert", "sslkey"]
    return unusable(`an ${given} and no ${missing}`, "both, or pg.ssl.cert and pg.ssl.key")
  }
  const cert = read(certFile, certificate)
  if (cert === undefined) {
    return unusable("an sslcert that cannot be read", "sslcert=<path of a file with the client's certificate in PEM>")
  }
  const passphrase = last("sslpassword")
  let isPair = false
  const key = read(keyFile, (text) => {
    isPair = new X509Certificate(cert).checkPrivateKey(createPrivateKey({ key: text, passphrase }))
  })
  if (key === undefined) {
    return unusable(
      "an sslkey that cannot be read",
      "sslkey=<path of a file with the client's private key in PEM>, with sslpassword if it is encrypted"
    )
  }
  if (!isPair) return unusable("an sslkey of another certificate", "the private key of the one in sslcert")
  return Result.succeed({ ...(ca !== undefined && { ca }), cert, key, ...(passphrase !== "" && { passphrase }) })
}
