/** What a Redis server was asked to do. */
import { Redis } from "ioredis"

export class Commands {
  private readonly client: Redis
  private before: ReadonlyMap<string, number> = new Map()

  private constructor(client: Redis) {
    this.client = client
  }

  static async open(port: number): Promise<Commands> {
    const client = new Redis(port, "127.0.0.1", { lazyConnect: true })
    await client.connect()
    return new Commands(client)
  }

  private async counts(): Promise<ReadonlyMap<string, number>> {
    const info = await this.client.info("commandstats")
    return new Map([...info.matchAll(/cmdstat_([\w|-]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]))
  }

  async start(): Promise<void> {
    this.before = await this.counts()
  }

  /** How many of these commands came in since the start. Commands inside of scripts count under their own names. */
  async since(names: ReadonlyArray<string>): Promise<number> {
    const now = await this.counts()
    let total = 0
    for (const name of names) total += (now.get(name) ?? 0) - (this.before.get(name) ?? 0)
    return total
  }

  /** How many keys there are. */
  size(): Promise<number> {
    return this.client.dbsize()
  }

  /** Has somebody hold these keys, for longer than any scenario takes. */
  async hold(keys: ReadonlyArray<string>): Promise<void> {
    const pipeline = this.client.pipeline()
    for (const key of keys) pipeline.set(key, "1-aaaaaaaaaaaa.lq3x5k2p.bbbbbbbbbb", "PX", 600_000)
    await pipeline.exec()
  }

  async empty(): Promise<void> {
    await this.client.flushall()
  }

  close(): void {
    this.client.disconnect()
  }
}
