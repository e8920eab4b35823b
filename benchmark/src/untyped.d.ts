/** Peers whose types TypeScript cannot find. */
interface UntypedLock {
  readonly release: () => Promise<unknown>
  readonly unlock: () => Promise<unknown>
}

declare module "redlock" {
  export default class Redlock {
    constructor(clients: ReadonlyArray<unknown>, settings: object)
    acquire(keys: ReadonlyArray<string>, millis: number): Promise<UntypedLock>
    using(keys: ReadonlyArray<string>, millis: number, body: () => Promise<void>): Promise<void>
    on(event: "error", listener: () => void): void
  }
}

declare module "redlock4" {
  export default class Redlock {
    constructor(clients: ReadonlyArray<unknown>, settings: object)
    acquire(key: string, millis: number): Promise<UntypedLock>
  }
}
