/**
 * `redis://[user[:password]@][host][:port][/db]`, everything after the scheme
 * optional; `redis+sentinel://…@host[:port],…/name[/db]`; `redis+cluster://…@host[:port],…`.
 * `rediss` for TLS, and `valkey` for `redis`, mean the same.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Url from "../url.ts"

export interface Node {
  readonly host: string
  readonly port: number
}

export interface Address {
  readonly host?: string
  readonly port?: number
  readonly db?: number
  readonly username?: string
  readonly password?: Redacted.Redacted<string>
  readonly tls?: boolean
  /** The Sentinels that know where the primary of this name is. */
  readonly sentinels?: ReadonlyArray<Node>
  readonly name?: string
  /** Some nodes of a cluster. */
  readonly nodes?: ReadonlyArray<Node>
}

const expected =
  "redis://[user[:password]@][host][:port][/db], or rediss:// for TLS; redis+sentinel://host[:port],…/name[/db]; redis+cluster://host[:port],…"

const pattern = /^(?:redis|valkey)(s?)(\+sentinel|\+cluster)?:\/\/(.*)$/is

const usualPort = 6379
const sentinelPort = 26_379

const dbOf = (text: string): Url.Read<number | undefined> => {
  if (!/^\d{0,5}$/.test(text)) return Url.wrong("a database that is no number", "a number, such as redis://host/0")
  return Result.succeed(text === "" ? undefined : Number(text))
}

const nodesOf = (hosts: string, port: number): Url.Read<ReadonlyArray<Node>> =>
  Url.listOf(hosts, (text): Node | undefined => {
    const place = Url.placeOf(text)
    return place?.host === undefined ? undefined : { host: place.host, port: place.port ?? port }
  }, port)

const single = (hosts: string, path: string): Url.Read<Address> =>
  Result.flatMap(dbOf(path), (db): Url.Read<Address> => {
    if (hosts.includes(",")) {
      return Url.wrong("several servers", "one, or redis+sentinel:// or redis+cluster:// before them")
    }
    return Result.map(Url.listOf(hosts, Url.placeOf, usualPort), ([{ host, port }]) => ({
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      ...(db !== undefined && { db })
    }))
  })

const behindSentinels = (hosts: string, path: string): Url.Read<Address> => {
  const [encoded, second = "", ...more] = path.split("/")
  const name = Url.decode(encoded)
  if (name === undefined) return Url.wrong(`a stray "%" in the name of the primary`, "a name that is percent-encoded")
  if (name === "" || /\s/.test(encoded) || more.length > 0) {
    return Url.wrong("no name of a primary", "redis+sentinel://host[:port],…/name[/db]")
  }
  return Result.flatMap(dbOf(second), (db) =>
    Result.map(nodesOf(hosts, sentinelPort), (sentinels) => ({
      sentinels,
      name,
      ...(db !== undefined && { db })
    })))
}

const onCluster = (hosts: string, path: string): Url.Read<Address> =>
  /^0*$/.test(path)
    ? Result.map(nodesOf(hosts, usualPort), (nodes) => ({ nodes }))
    : Url.wrong("a database, or more of a path", "no path: a cluster has no databases")

const placeOf = (kind: string): (hosts: string, path: string) => Url.Read<Address> =>
  kind === "+sentinel" ? behindSentinels : kind === "+cluster" ? onCluster : single

export const parse = (url: string): Url.Read<Address> => {
  const match = pattern.exec(url)
  if (match === null) return Url.wrong("another scheme or none", expected)
  const [, secure, kind = "", rest] = match
  const parts = Url.cut(rest)
  const { hosts, login = "", path, query } = parts
  // Perhaps the login ended at an earlier @, and the last one is in what follows.
  if (/[/?#]/.test(login)) {
    return Url.wrong(`a "/", "?" or "#" in the user or the password, or an "@" behind the host`, Url.encoded)
  }
  if (query !== "") return Url.wrong("a query or a fragment", `${expected}; options go beside it`)
  return Result.flatMap(
    Url.loginOf(parts),
    ({ password, username }) =>
      Result.map(placeOf(kind.toLowerCase())(hosts, path.slice(1)), (place) => ({
        ...(secure !== "" && { tls: true }),
        ...(username !== undefined && { username }),
        ...(password !== undefined && Redacted.value(password) !== "" && { password }),
        ...place
      }))
  )
}
