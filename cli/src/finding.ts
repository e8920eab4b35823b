/** The result of one check of the doctor. */
export interface Finding {
  readonly check: string
  readonly verdict: "ok" | "warning" | "failed"
  readonly found: string
  /** What that means for locks, and what to do about it; absent if all is well. */
  readonly means?: string
  readonly todo?: string
}

export const ok = (check: string, found: string): Finding => ({ check, verdict: "ok", found })

export const warning = (check: string, found: string, means: string, todo: string): Finding => ({
  check,
  verdict: "warning",
  found,
  means,
  todo
})

export const failed = (check: string, found: string, means: string, todo: string): Finding => ({
  check,
  verdict: "failed",
  found,
  means,
  todo
})

/**
 * Something that the server does not tell this user; `what` is the denied action, such as "call
 * INFO".
 */
export const unknown = (check: string, what: string): Finding =>
  warning(check, `unknown: the user may not ${what}`, "this cannot be judged", `ask as a user who may ${what}`)

/** How far the server's clock is off from ours; times in milliseconds. */
export const clock = (theirs: number, ours: number): Finding => {
  const off = Math.round(theirs - ours)
  const found = `${Math.abs(off)} ms ${off < 0 ? "behind" : "ahead of"} ours`
  return Math.abs(off) < 2_000 ? ok("clock", found) : wrongClock("clock", found)
}

export const wrongClock = (check: string, found: string): Finding =>
  warning(
    check,
    found,
    "leases do not depend on it, but the times that are shown for holders do",
    "run NTP on both"
  )
