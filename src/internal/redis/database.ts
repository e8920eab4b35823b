/** The database of our connection: if the server refuses to select it, the client goes on in another, where nothing may be sent. */
import { silenceMillis, type Single } from "./client.ts"
import type { Pulse } from "./pulse.ts"

export class Database {
  /** The server has refused it on this connection. */
  isRefused = false
  private readonly client: Single
  private readonly number: number
  private readonly pulse: Pulse
  private isStopped = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(client: Single, number: number, pulse: Pulse) {
    this.client = client
    this.number = number
    this.pulse = pulse
  }

  /** Calls `chosen` once the server agrees, and `refused` each time it does not. */
  choose(chosen: () => void, refused: (cause: unknown) => void): void {
    const { stream } = this.client
    const isCurrent = () => !this.isStopped && this.client.stream === stream
    this.pulse.owe(silenceMillis)
    this.client.call("select", [this.number]).then(() => {
      if (!isCurrent()) return
      this.isRefused = false
      chosen()
    }, (error) => {
      if (!isCurrent()) return
      this.isRefused = true
      this.pulse.rest()
      refused(error)
      this.timer = setTimeout(() => isCurrent() && this.choose(chosen, refused), silenceMillis)
      this.timer.unref?.()
    })
  }

  /** The connection is gone. */
  leave(): void {
    this.isRefused = false
  }

  stop(): void {
    this.isStopped = true
    clearTimeout(this.timer)
  }
}
