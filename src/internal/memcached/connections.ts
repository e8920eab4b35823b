/** A connection to each server in use, and the items of our holders there as our commands left them. */
import { constFalse, constVoid } from "effect/Function"
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import { closed } from "./fault.ts"
import type { Own } from "./item.ts"
import type { Link } from "./link.ts"
import { pin } from "./pin.ts"

/** A server: its name, by which keys are assigned to it, and a way to connect to it. */
export interface Server {
  readonly name: string
  readonly open: () => Link
}

interface Hint extends Own, Expiring {}

/** A link, and the items that we hold, by token: both end together. */
export interface Connection {
  readonly link: Link
  readonly hints: ExpiringMap<Hint>
}

const nowhere: Connection = {
  link: { isAlive: constFalse, startedAt: () => 0, send: (_, hearer) => hearer.hear(closed), close: constVoid },
  hints: new ExpiringMap()
}

export class Connections {
  private readonly servers: ReadonlyArray<Server>
  private readonly byName = new Map<string, Connection>()
  private isClosed = false

  constructor(servers: ReadonlyArray<Server>) {
    this.servers = servers
  }

  serverOf(itemKey: string): Server {
    return pin(this.servers, itemKey)
  }

  /** The live connection to the server of a key, or a new one. */
  of(itemKey: string): Connection {
    if (this.isClosed) return nowhere
    const server = this.serverOf(itemKey)
    let connection = this.byName.get(server.name)
    if (connection === undefined || !connection.link.isAlive()) {
      connection = { link: server.open(), hints: new ExpiringMap() }
      this.byName.set(server.name, connection)
    }
    return connection
  }

  close(): void {
    this.isClosed = true
    for (const { link } of this.byName.values()) link.close(closed)
    this.byName.clear()
  }
}
