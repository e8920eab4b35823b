/** The slot of a key in a cluster, by its specification. */

const encoder = new TextEncoder()

/** CRC16 of XMODEM. */
const crc = (bytes: Uint8Array): number => {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << 8
    for (let bit = 0; bit < 8; bit++) sum = (sum & 0x8000) === 0 ? sum << 1 : (sum << 1) ^ 0x1021
    sum &= 0xffff
  }
  return sum
}

/** Only what is between the first braces counts, unless that is nothing. */
export const slotOf = (name: string): number => {
  const open = name.indexOf("{")
  const close = open < 0 ? -1 : name.indexOf("}", open)
  return crc(encoder.encode(close > open + 1 ? name.slice(open + 1, close) : name)) % 16_384
}
