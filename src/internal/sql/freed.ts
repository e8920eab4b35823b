/** Rows that were released recently and had no waiters: they are probably still there, and free. */

/** How many are remembered. */
const most = 2048

export interface Freed {
  readonly add: (row: string) => void
  /** Removes the row, and says whether it was there. */
  readonly take: (row: string) => boolean
  readonly clear: () => void
}

export const make = (): Freed => {
  const rows = new Set<string>()
  return {
    add: (row) => {
      rows.delete(row)
      rows.add(row)
      if (rows.size > most) { for (const oldest of rows) return void rows.delete(oldest) }
    },
    take: (row) => rows.delete(row),
    clear: () => rows.clear()
  }
}
