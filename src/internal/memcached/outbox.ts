/** What is to be sent: the requests of a turn, in one piece. */
import { type Request, writeRequest } from "./wire.ts"

const pageLength = 32_768

/** More than the rest of any request takes beside its key and its value. */
const spare = 64

export class Outbox {
  /** What has been taken of a page is never written to again, since it may still be on its way. */
  private page: Buffer = Buffer.alloc(0)
  private start = 0
  private end = 0

  get isEmpty(): boolean {
    return this.start === this.end
  }

  add(request: Request, opaque: number): void {
    const most = spare + request.key.length + (request.value?.length ?? 0)
    if (this.end + most > this.page.length) this.turnPage(most)
    this.end = writeRequest(this.page, this.end, request, opaque)
  }

  /** All that has been added since. */
  take(): Buffer {
    const { end, page, start } = this
    this.start = end
    return page.subarray(start, end)
  }

  private turnPage(more: number): void {
    const rest = this.take()
    this.page = Buffer.allocUnsafeSlow(Math.max(pageLength, 2 * (rest.length + more)))
    rest.copy(this.page)
    this.start = 0
    this.end = rest.length
  }
}
