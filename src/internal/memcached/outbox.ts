/** Collects requests, which are then sent in one piece. */
import { type Request, writeRequest } from "./wire.ts"

const pageLength = 32_768

/** More than any request takes in addition to its key and value. */
const spare = 64

export class Outbox {
  /** The part that has been taken is never written to again, since it may still be in flight. */
  private page: Buffer = Buffer.alloc(0)
  private start = 0
  private end = 0
  private requests = 0

  /** How many requests there are. */
  get size(): number {
    return this.requests
  }

  add(request: Request, opaque: number): void {
    const most = spare + request.key.length + (request.value?.length ?? 0)
    if (this.end + most > this.page.length) this.turnPage(most)
    this.end = writeRequest(this.page, this.end, request, opaque)
    this.requests++
  }

  /** All that has been added since. */
  take(): Buffer {
    this.requests = 0
    return this.cut()
  }

  private cut(): Buffer {
    const { end, page, start } = this
    this.start = end
    return page.subarray(start, end)
  }

  private turnPage(more: number): void {
    const rest = this.cut()
    this.page = Buffer.allocUnsafeSlow(Math.max(pageLength, 2 * (rest.length + more)))
    rest.copy(this.page)
    this.start = 0
    this.end = rest.length
  }
}
