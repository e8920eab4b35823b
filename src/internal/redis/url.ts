/** `redis://[user[:password]@][host][:port][/db]`, everything after the scheme optional. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidOptions } from "../../LockError.ts"

export interface Address {
  readonly host?: string
  readonly port?: number
  readonly db?: number
  readonly username?: string
  readonly password?: Redacted.Redacted<string>
  readonly tls?: boolean
}

export const expected = "redis://[user[:password]@][host][:port][/db], or rediss:// for TLS"

const pattern =
  /^(rediss?):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[\da-f:.]+\]|[^:@/?#[\]\s]*)(?::(\d{1,5}))?(?:\/(\d{0,5}))?$/i

/** Never shows what was given, which may contain a password wherever it is malformed. */
const malformed = Result.fail(new InvalidOptions({ option: "url", value: "a malformed URL", expected }))

export const parse = (url: string): Result.Result<Address, InvalidOptions> => {
  const match = pattern.exec(url)
  if (match === null) return malformed
  const [, scheme, user, password, host, port, db] = match
  if (port !== undefined && (Number(port) === 0 || Number(port) > 65_535)) return malformed
  try {
    return Result.succeed({
      ...(scheme.toLowerCase() === "rediss" && { tls: true }),
      ...(user && { username: decodeURIComponent(user) }),
      ...(password && { password: Redacted.make(decodeURIComponent(password)) }),
      ...(host && { host: host.replace(/^\[|\]$/g, "") }),
      ...(port && { port: Number(port) }),
      ...(db && { db: Number(db) })
    })
  } catch {
    return malformed
  }
}
