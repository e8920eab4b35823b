/**
 * Whether a connection of ours is alive. Nothing is owed to it while it is idle;
 * from when something is, it must be heard within a time. If it is not it is
 * silent, which is its end. Before that the event loop has had a turn for what
 * had already arrived, and as much time again as it was late by: a busy loop is
 * no silent server.
 */
export class Pulse {
  private heardAt = 0
  private limitMillis = 0
  private owing = false
  private dueAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private readonly silent: () => void

  constructor(silent: () => void) {
    this.silent = silent
  }

  /** An answer is owed from now on, if none was. */
  owe(limitMillis: number): void {
    if (this.owing) return
    this.owing = true
    this.heardAt = performance.now()
    // A timer of before may come too early, which it sees, and too late only if it was for longer.
    if (this.timer !== undefined && limitMillis >= this.limitMillis) return void (this.limitMillis = limitMillis)
    this.limitMillis = limitMillis
    this.arm(limitMillis)
  }

  /** Something was heard; `more` is still owed. */
  heard(more: boolean): void {
    this.owing = more
    // Otherwise the time is told by what is owed next.
    if (more) this.heardAt = performance.now()
  }

  /** The connection is gone or idle. */
  rest(): void {
    this.owing = false
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private arm(millis: number): void {
    clearTimeout(this.timer)
    this.dueAt = performance.now() + millis
    this.timer = setTimeout(() => this.look(), millis)
    this.timer.unref?.()
  }

  private look(): void {
    this.timer = undefined
    if (!this.owing) return
    const { heardAt } = this
    const now = performance.now()
    const rest = heardAt + this.limitMillis - now
    if (rest > 0) return this.arm(rest)
    // What needs several turns of the loop has not had them while it was late.
    const late = now - this.dueAt
    if (late > this.limitMillis / 4) return this.arm(Math.min(late, this.limitMillis))
    setImmediate(() => {
      if (!this.owing || this.timer !== undefined) return
      if (this.heardAt !== heardAt) return this.arm(this.limitMillis)
      this.rest()
      this.silent()
    })
  }
}
