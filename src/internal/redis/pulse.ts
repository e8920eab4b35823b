/**
 * Whether our connection is alive. While it is idle it owes nothing; once it owes an answer, it must
 * be heard within a time limit, or it counts as silent, and is given up. Before that, the event loop
 * gets a turn for what has already arrived, and as much time again as it was late by: a busy event
 * loop is not a silent server.
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

  /** It owes an answer from now on, if it did not before. */
  owe(limitMillis: number): void {
    if (this.owing) return
    this.owing = true
    this.heardAt = performance.now()
    // A running timer that fires too early is set again; it is too late only if it was for a longer limit.
    if (this.timer !== undefined && limitMillis >= this.limitMillis) return void (this.limitMillis = limitMillis)
    this.limitMillis = limitMillis
    this.arm(limitMillis)
  }

  /** Something was heard; `more` tells whether it owes anything else. */
  heard(more: boolean): void {
    this.owing = more
    // Otherwise the time starts with the next answer that it owes.
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
    // An answer that takes several turns of the event loop has not had them while that was late.
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
