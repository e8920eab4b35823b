/**
 * The lines of all keys. While a key is held and nobody in this process waits for it, the lease itself stands in
 * for the line (is *folded*): there may be very many of these for a long time, and it halves the memory. The line
 * is unfolded as soon as somebody looks for it or something happens to the lease.
 */
import type { Ending } from "../ending.ts"
import * as KeyMap from "./keyMap.ts"
import { Lease } from "./lease.ts"
import { Lending } from "./lender.ts"
import { Line, type LineParts } from "./line.ts"

export class Lines extends Lending<LineParts> {
  private readonly places: KeyMap.KeyMap<Line | Lease>

  constructor(parts: LineParts) {
    super(parts)
    this.places = KeyMap.make<Line | Lease>((key) => new Line(parts, key), parts.port.soon)
  }

  /** The number of keys that have a line. */
  get size(): number {
    return this.places.size()
  }

  /** The line of a key, vacant or not. */
  find(key: string): Line | undefined {
    const place = this.places.find(key)
    return place instanceof Lease ? this.unfold(place) : place
  }

  get(key: string): Line | undefined {
    const line = this.find(key)
    return line?.vacant === false ? line : undefined
  }

  /** The line that `find` has returned for the key, or a new one. */
  occupy(key: string, found: Line | undefined): Line {
    return this.places.occupy(key, found) as Line
  }

  vacate(line: Line): void {
    this.places.vacate(line)
  }

  /** The lines that are not folded. */
  unfolded(): ReadonlyArray<Line> {
    return this.places.values().filter((place) => place instanceof Line)
  }

  /** All leases that the process holds exclusively. */
  leases(): ReadonlyArray<Lease> {
    return this.places.values().flatMap((place) => (place instanceof Lease ? place : place.lease) ?? [])
  }

  /** Nobody waits behind the lease: it stands in for the line. */
  fold({ key }: Line, lease: Lease): void {
    lease.lender = this
    this.places.replace(key, lease)
  }

  private unfold(lease: Lease): Line {
    const line = new Line(this.parts, lease.key)
    line.vacant = false
    line.adopt(lease)
    this.places.replace(lease.key, line)
    return line
  }

  override lost(lease: Lease): void {
    this.unfold(lease).lost(lease)
  }

  override gone(lease: Lease, at: number): void {
    this.unfold(lease).gone(lease, at)
  }

  back(lease: Lease, at: number): Ending | undefined {
    return this.unfold(lease).back(lease, at)
  }
}
