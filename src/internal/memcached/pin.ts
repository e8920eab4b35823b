/** Which of several servers has a key. */

/** FNV-1a with a final mix, over UTF-16 code units. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The server of a key: the one with the highest hash of both names (rendezvous hashing). It does not
 * depend on the order of the list, and a server that joins or leaves moves only its own keys.
 */
export const pin = <S extends { readonly name: string }>(servers: ReadonlyArray<S>, key: string): S => {
  let best = servers[0]
  let bestScore = -1
  if (servers.length === 1) return best
  for (const server of servers) {
    const score = hash(`${server.name} ${key}`)
    if (score > bestScore || (score === bestScore && server.name < best.name)) {
      best = server
      bestScore = score
    }
  }
  return best
}
