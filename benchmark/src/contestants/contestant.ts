/** Locks as the scenarios see them. */

/** One worker's task: take the lock on `key`, go through the section, give it back, again and again. */
export interface Job {
  readonly key: string
  /** Where each cycle is about a key that nobody has used before. */
  readonly newKey?: (() => string) | undefined
  readonly again: () => boolean
  /** The worker asks for the lock. */
  readonly ask: () => void
  /** It has the lock, with a fencing token if there is one. */
  readonly enter: (fencingToken?: number) => void
  readonly leave: () => void
  /** It has given the lock back. */
  readonly done: () => void
  readonly sectionMillis: number
}

export interface Session {
  /** Runs all jobs side by side until they have no more to do. */
  readonly work: (jobs: ReadonlyArray<Job>) => Promise<void>
  /** Takes all keys, keeps the locks alive until the result is called, which gives them back. */
  readonly hold?: ((keys: ReadonlyArray<string>) => Promise<() => Promise<void>>) | undefined
  readonly close: () => Promise<void> | void
}

export interface Contestant {
  readonly name: string
  /** Commands that its client sends; others in the server's statistics were run inside its scripts. */
  readonly sends: ReadonlyArray<string>
  /** Waiters ask again after that long, where this is a matter of polling. Without it, the library's default. */
  readonly open: (port: number, retryMillis?: number) => Promise<Session>
  /** Whether its waiters poll. */
  readonly polls: boolean
}

interface Lock<H> {
  readonly acquire: () => Promise<H>
  readonly release: (held: H) => Promise<unknown>
}

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Runs jobs on locks that speak promises. A lock that gives up waiting is asked again. */
export const promised = <H>(lockOf: (key: string) => Lock<H>) => async (jobs: ReadonlyArray<Job>): Promise<void> => {
  await Promise.all(jobs.map(async (job) => {
    let lock = lockOf(job.key)
    while (job.again()) {
      if (job.newKey !== undefined) lock = lockOf(job.newKey())
      job.ask()
      let held: H
      try {
        held = await lock.acquire()
      } catch (error) {
        if (isGivingUp(error)) continue
        throw error
      }
      job.enter()
      if (job.sectionMillis > 0) await pause(job.sectionMillis)
      job.leave()
      await lock.release(held)
      job.done()
    }
  }))
}

const isGivingUp = (error: unknown): boolean =>
  error instanceof Error &&
  /ExecutionError|LockError|Timeout|Acquisition|Locked/i.test(`${error.name} ${error.message}`)
