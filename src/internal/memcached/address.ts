/** Where the servers are: `host`, `host:port`, `[ipv6]:port`, or all of it in a URL. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { isIPv6 } from "node:net"
import { InvalidOptions } from "../../LockError.ts"
import type { Address } from "./link.ts"

const defaultPort = 11211

const expectedServer = `a host and a port, such as "localhost:11211" or "[::1]:11211"`
const expectedUrl = `a URL such as "memcache://user:password@host:11211,host2:11211"`

const parsePort = (text: string | undefined): number | undefined => {
  if (text === undefined) return defaultPort
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65535 ? port : undefined
}

const parseServer = (text: string): Address | undefined => {
  if (isIPv6(text)) return { host: text, port: defaultPort }
  const match = /^(?:\[([^\]]+)\]|([^\s:@/?#[\]]+))(?::(.*))?$/.exec(text)
  if (match === null) return undefined
  const [, ipv6, host = ipv6] = match
  const port = parsePort(match[3])
  return port === undefined || (ipv6 !== undefined && !isIPv6(ipv6)) ? undefined : { host, port }
}

/** The addresses in a list. What cannot be read is shown, unless there may be a password in it. */
export const parseServers = (servers: ReadonlyArray<string>): Result.Result<ReadonlyArray<Address>, InvalidOptions> => {
  const addresses: Array<Address> = []
  for (const server of servers) {
    const address = parseServer(server.trim())
    if (address === undefined) {
      const value = server.includes("@") ? "<redacted>" : JSON.stringify(server)
      return Result.fail(new InvalidOptions({ option: "servers", value, expected: expectedServer }))
    }
    addresses.push(address)
  }
  return addresses.length > 0
    ? Result.succeed(addresses)
    : Result.fail(new InvalidOptions({ option: "servers", value: "[]", expected: "at least one server" }))
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

export interface Target {
  readonly servers: ReadonlyArray<Address>
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
}

/** The parts of a URL. A malformed one may have its password anywhere, so it is never shown. */
export const parseUrl = (url: string): Result.Result<Target, InvalidOptions> => {
  const invalid = Result.fail(new InvalidOptions({ option: "url", value: "<redacted>", expected: expectedUrl }))
  const match = /^memcache:\/\/(?:([^:@]*)(?::([^@]*))?@)?([^@/]*)\/?$/i.exec(url)
  if (match === null) return invalid
  const [, user, pass, hosts] = match
  const username = user === undefined ? undefined : decode(user)
  const password = pass === undefined ? undefined : decode(pass)
  if ((user !== undefined && !username) || (pass !== undefined && password === undefined)) return invalid
  const servers = parseServers(hosts === "" ? ["localhost"] : hosts.split(","))
  return Result.isFailure(servers) ? invalid : Result.succeed({
    servers: servers.success,
    username,
    password: password === undefined ? undefined : Redacted.make(password)
  })
}
