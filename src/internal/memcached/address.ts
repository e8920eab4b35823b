/** Where the servers are: `host`, `host:port`, `[ipv6]:port`, or all of it in a URL. */
import * as Result from "effect/Result"
import { isIPv6 } from "node:net"
import { InvalidOptions } from "../../LockError.ts"
import * as Url from "../url.ts"

export interface Address extends Partial<Url.Login> {
  readonly host: string
  readonly port: number
}

const defaultPort = 11211

const parseServer = (text: string): Address | undefined => {
  const trimmed = text.trim()
  if (isIPv6(trimmed)) return { host: trimmed, port: defaultPort }
  const { host, port = defaultPort } = Url.placeOf(trimmed) ?? {}
  return host === undefined ? undefined : { host, port }
}

/** The addresses in a list. The error shows a malformed one, unless it may contain a password. */
export const parseServers = (servers: ReadonlyArray<string>): Result.Result<ReadonlyArray<Address>, InvalidOptions> => {
  const addresses: Array<Address> = []
  for (const server of servers) {
    const address = parseServer(server)
    if (address === undefined) {
      const value = server.includes("@") ? "<redacted>" : JSON.stringify(server)
      return Result.fail(new InvalidOptions({ option: "servers", value, expected: Url.expectedServer(defaultPort) }))
    }
    addresses.push(address)
  }
  return addresses.length > 0
    ? Result.succeed(addresses)
    : Result.fail(new InvalidOptions({ option: "servers", value: "[]", expected: "at least one server" }))
}

export interface Target extends Url.Login {
  readonly servers: ReadonlyArray<Address>
}

const expectedUrl = `a URL such as "memcache://user:password@host:11211,host2:11211"`

/** The parts of a URL. */
export const parseUrl = (url: string): Url.Read<Target> => {
  const rest = /^memcached?:\/\/(.*)$/is.exec(url)?.[1]
  if (rest === undefined) return Url.wrong("another scheme or none", expectedUrl)
  const parts = Url.cut(rest)
  const { hosts, path, query } = parts
  const login = Url.loginOf(parts)
  if (Result.isFailure(login)) return Result.fail(login.failure)
  if (query !== "") {
    return Url.wrong("a query or a fragment", "a URL that ends after the servers; options go beside it")
  }
  if (path !== "" && path !== "/") return Url.wrong("a path", "a URL that ends after the servers")
  if (parts.login !== undefined && login.success.username === undefined) {
    return Url.wrong("no user before the @", expectedUrl)
  }
  const servers = Url.listOf(hosts === "" ? "localhost" : hosts, parseServer, defaultPort)
  return Result.map(servers, (servers) => ({ ...login.success, servers }))
}
