/** Rows that we have given back lately, and nobody waited for: they are probably still there, and free. */

/** How many are remembered. */
const most = 2048

export interface Freed {
  readonly add: (row: string) => void
  /** Whether it is one, from now on no more. */
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
