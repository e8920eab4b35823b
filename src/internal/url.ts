/**
 * URLs of servers: `scheme://[user[:password]@]host[:port][,host[:port]…][/path]`. An error names
 * the malformed part, but never shows it, as a password may be anywhere in it.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { isIPv6 } from "node:net"
import { InvalidOptions } from "../LockError.ts"

export type Read<A> = Result.Result<A, InvalidOptions>

/** Which part is malformed, and what would be right. */
export const wrong = (part: string, expected: string): Result.Result<never, InvalidOptions> =>
  Result.fail(new InvalidOptions({ option: "url", value: part, expected }))

/** As it stands in the URL. */
export interface Parts {
  /** Before the last `@`, if there is one. */
  readonly login: string | undefined
  readonly hosts: string
  /** From its `/` on. */
  readonly path: string
  /** From the `?` or the `#` on. */
  readonly query: string
}

/** Splits the part after the `://`. */
export const cut = (rest: string): Parts => {
  const at = rest.lastIndexOf("@")
  const [, hosts, path, query] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest.slice(at + 1))!
  return { login: at < 0 ? undefined : rest.slice(0, at), hosts, path, query }
}

// -----------------------------------------------------------------------------
// User and password
// -----------------------------------------------------------------------------

export interface Login {
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
}

export const encoded = `percent-encoded text, such as "%40" for "@"`

const nobody: Login = { username: undefined, password: undefined }

/** Without a user and a password there is no login. */
export const loginOf = ({ login }: Parts): Read<Login> => {
  if (login === undefined) return Result.succeed(nobody)
  if (login.includes("@")) return wrong(`an "@" in the user or the password`, encoded)
  const colon = login.indexOf(":")
  const username = decode(colon < 0 ? login : login.slice(0, colon))
  const password = colon < 0 ? undefined : decode(login.slice(colon + 1))
  if (username === undefined) return wrong(`a stray "%" in the user`, encoded)
  if (colon >= 0 && password === undefined) return wrong(`a stray "%" in the password`, encoded)
  return Result.succeed({
    username: username || undefined,
    password: password === undefined ? undefined : Redacted.make(password)
  })
}

export const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

// -----------------------------------------------------------------------------
// Servers
// -----------------------------------------------------------------------------

export interface Place {
  readonly host: string | undefined
  readonly port: number | undefined
}

export const expectedServer = (port: number): string =>
  `a host and a port from 1 to 65535, such as "localhost:${port}" or "[::1]:${port}"`

const portOf = (text: string): number | undefined => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. */
export const placeOf = (text: string): Place | undefined => {
  const match = /^(?:\[([^\]]+)\]|([^\s:@/?#[\],]*))(?::(.*))?$/s.exec(text)
  if (match === null) return undefined
  const [, ipv6, host = ipv6, portText] = match
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined
  const port = portText === undefined ? undefined : portOf(portText)
  return portText !== undefined && port === undefined ? undefined : { host: host === "" ? undefined : host, port }
}

/** Parses a list, with the parser of one server. */
export const listOf = <A>(
  hosts: string,
  read: (text: string) => A | undefined,
  usualPort: number
): Read<ReadonlyArray<A>> => {
  const list: Array<A> = []
  for (const [index, text] of hosts.split(",").entries()) {
    const one = read(text)
    if (one === undefined) return wrong(`a malformed server, number ${index + 1}`, expectedServer(usualPort))
    list.push(one)
  }
  return Result.succeed(list)
}
