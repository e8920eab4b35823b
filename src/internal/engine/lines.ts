/**
 * The lines of all keys. Where a key is had and nobody here waits for it, its lease stands for its line,
 * which takes half the room: there may be very many of these, and for long. The line is there as soon as
 * anybody looks for it, or anything becomes of the lease.
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

  /** How many keys have one. */
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

  /** The line that has been found for the key, or a new one. */
  occupy(key: string, found: Line | undefined): Line {
    return this.places.occupy(key, found) as Line
  }

  vacate(line: Line): void {
    this.places.vacate(line)
  }

  /** Those of keys that are not only had. */
  unfolded(): ReadonlyArray<Line> {
    return this.places.values().filter((place) => place instanceof Line)
  }

  /** Those that the process has. */
  leases(): ReadonlyArray<Lease> {
    return this.places.values().flatMap((place) => (place instanceof Lease ? place : place.lease) ?? [])
  }

  /** Nobody waits in it for the lease that it has. */
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
