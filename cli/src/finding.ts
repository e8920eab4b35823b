/** One thing that the doctor has looked at. */
export interface Finding {
  readonly check: string
  readonly verdict: "ok" | "warning" | "failed"
  readonly found: string
  /** What that means for locks, and what to do: where it is not well. */
  readonly means?: string
  readonly todo?: string
}
