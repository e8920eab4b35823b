/** Colours, in a terminal unless disabled (NO_COLOR, TERM=dumb), and tables. */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const

type Colour = keyof typeof codes

/** The colours of a stream. */
export const painter = (stream: { readonly isTTY?: boolean }) => {
  const { NO_COLOR, TERM } = process.env
  const paints = stream.isTTY === true && !NO_COLOR && TERM !== "dumb"
  return (colour: Colour, text: string): string => paints ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text
}

/** Keys can be any text, including control sequences for the terminal. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** Lines with columns that fit their content. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd())
}
