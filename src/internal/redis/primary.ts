/** The primary that Sentinels name: the client does not say where it has tried to connect. */
import { constVoid } from "effect/Function"
import type { RedisOptions } from "ioredis"
import { handshakeMillis, silenceMillis, type Single, tend } from "./client.ts"
import type { Node } from "./url.ts"

/** The address of the server as seen from here. */
const seen = ({ natMap }: RedisOptions, host: string, port: number): Node => {
  const name = `${host}:${port}`
  return (typeof natMap === "function" ? natMap(name) : natMap?.[name]) ?? { host, port }
}

/** The answer of the first Sentinel that gives one, asked over connections with the options of the client. */
export const named = async (
  open: (options: Omit<RedisOptions, "replyMapping">) => Single,
  sentinels: ReadonlyArray<Node>,
  options: RedisOptions
): Promise<Node | undefined> => {
  for (const node of sentinels) {
    const sentinel = tend(open({
      ...node,
      username: options.sentinelUsername,
      password: options.sentinelPassword,
      tls: options.sentinelTLS,
      family: options.family,
      protocol: options.protocol,
      connectTimeout: handshakeMillis,
      commandTimeout: silenceMillis,
      retryStrategy: null,
      enableReadyCheck: false
    }))
    const reply = await sentinel.call("sentinel", ["get-master-addr-by-name", String(options.name)]).catch(constVoid)
    sentinel.disconnect()
    if (Array.isArray(reply)) return seen(options, String(reply[0]), Number(reply[1]))
  }
  return undefined
}
