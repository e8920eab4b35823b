/**
 * The pictures of the pages, drawn from real runs: workers with this library over one store, under a test clock.
 * `npx tsx scripts/pictures.ts` writes them to `docs/public`; they are the same each time.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Event, type Span, type Worker, World } from "../site/.vitepress/theme/see/world.ts"
import { root } from "./doctest.ts"

interface Picture {
  readonly title: string
  readonly world: World
  readonly names: ReadonlyArray<string>
  readonly storage: boolean
  /** Words at a time of a lane, above it. */
  readonly notes: ReadonlyArray<{ readonly at: number; readonly lane: string; readonly text: string }>
}

const width = 760
const left = 86
const right = 16
const lane = 58

const style = `
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #24292f } .label { font-weight: 600 } .soft { fill: #57606a }
.page { fill: #ffffff } .band { fill: #f3f4f6 } .base { stroke: #d0d7de } .in { fill: #ffffff; font-weight: 700 }
.ada { fill: #2563c9 } .bob { fill: #c2570c } .cyd { fill: #0e7a55 } .waits { opacity: .18 } .bad { fill: #c01c28; font-weight: 600 }
.hatch { stroke: #24292f; stroke-width: 2.5; opacity: .5 } .paused { fill: url(#paused); stroke: #57606a } .dead { stroke: #c01c28; stroke-dasharray: 2 4 }
.dot { fill: #ffffff } .renew { fill: #57606a } .middle { text-anchor: middle } .big { font-size: 18px }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .soft { fill: #9198a1 } .page { fill: #161b22 } .band { fill: #21262d } .base { stroke: #3d444d } .in { fill: #161b22 }
  .ada { fill: #6ea2ff } .bob { fill: #f29a4b } .cyd { fill: #4cc79a } .bad { fill: #ff7b72 } .hatch { stroke: #e6edf3 } .paused { stroke: #9198a1 }
  .dead { stroke: #ff7b72 } .dot { fill: #161b22 } .renew { fill: #9198a1 }
}`.trim()

const draw = ({ names, notes, storage, title, world }: Picture): string => {
  const lanes = ["store", ...names, ...(storage ? ["storage"] : [])]
  const height = 34 + lanes.length * lane + 26
  const x = (at: number) => Math.round((left + at / world.now * (width - left - right)) * 10) / 10
  const y = (name: string) => 34 + lanes.indexOf(name) * lane
  const parts: Array<string> = []
  const bar = ({ from, to }: Span, top: number, classes: string) =>
    `<rect class="${classes}" x="${x(from)}" y="${top}" width="${
      Math.max(2, x(to ?? world.now) - x(from)).toFixed(1)
    }" height="28" rx="3"/>`
  for (const name of lanes) {
    if (!names.includes(name)) {
      parts.push(`<rect class="band" x="0" y="${y(name) + 4}" width="${width}" height="${lane - 12}" rx="5"/>`)
    }
    parts.push(`<text class="label" x="10" y="${y(name) + 32}">${name}</text>`)
    if (names.includes(name)) {
      parts.push(`<line class="base" x1="${left}" x2="${width - right}" y1="${y(name) + 42}" y2="${y(name) + 42}"/>`)
    }
  }
  for (const span of world.spans) {
    const top = y(span.kind === "stored" ? "store" : span.who) + 13
    const wide = x(span.to ?? world.now) - x(span.from)
    if (span.kind === "stored") {
      parts.push(
        bar(span, top, span.who),
        `<text class="in" x="${x(span.from) + 7}" y="${top + 19}">${span.who}</text>`
      )
    } else if (span.kind === "waits" && wide > 3) {
      parts.push(bar(span, top, `waits ${span.who}`))
      if (wide > 45) parts.push(`<text class="soft" x="${x(span.from) + 7}" y="${top + 18}">waits</text>`)
    } else if (span.kind === "holds") {
      parts.push(
        bar(span, top, span.who),
        `<text class="in" x="${x(span.from) + 7}" y="${top + 14}">${span.fence}</text>`
      )
    }
  }
  for (const span of world.spans) {
    const top = y(span.who) + 13
    if (span.kind === "paused") {
      parts.push(bar(span, top, "paused"))
    } else if (span.kind === "dead") {
      parts.push(
        `<line class="dead" x1="${x(span.from)}" x2="${width - right}" y1="${top + 14}" y2="${top + 14}"/>`,
        `<text class="bad" x="${x(span.from) + 5}" y="${top + 9}">✕ killed</text>`
      )
    }
  }
  const mark = ({ at, fence, what, who }: Event, index: number): ReadonlyArray<string> => {
    const top = y(who) + 13
    const below = y("storage") + 22
    const before = world.events.slice(0, index).findLast((event) => event.what === "writes")
    switch (what) {
      case "renews":
        return [`<path class="renew" d="M${x(at) - 4} ${top + 36}l4 -7l4 7z"/>`]
      case "writes":
        return [
          `<circle class="dot" cx="${x(at)}" cy="${top + 21}" r="3.5"/>`,
          ...(storage ? [`<circle class="${who}" cx="${x(at)}" cy="${below}" r="5"/>`] : []),
          ...(storage && before?.fence !== fence
            ? [`<text class="middle" x="${x(at)}" y="${below + 22}">${fence}</text>`]
            : [])
        ]
      case "refused":
        return [
          `<text class="bad big middle" x="${x(at)}" y="${top + 21}">✕</text>`,
          `<text class="bad big middle" x="${x(at)}" y="${below + 6}">✕</text>`,
          `<text class="bad middle" x="${x(at)}" y="${below + 22}">${fence} refused</text>`
        ]
      case "lost":
        return [`<text class="bad" x="${x(at) + 6}" y="${top + 18}">LockLost</text>`]
      default:
        return []
    }
  }
  parts.push(...world.events.flatMap(mark))
  for (const { at, lane, text } of notes) {
    parts.push(`<text class="soft" x="${x(at)}" y="${y(lane) + 8}">${text}</text>`)
  }
  for (let second = 0; second * 1000 <= world.now; second++) {
    parts.push(`<text class="soft middle" x="${x(second * 1000)}" y="${height - 8}">${second} s</text>`)
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    `<defs><pattern id="paused" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" y2="7"/></pattern></defs>`,
    `<rect class="page" width="${width}" height="${height}" rx="8"/>`,
    `<text class="label" x="10" y="24">${title}</text>`,
    ...parts,
    `</svg>`
  ].join("\n") + "\n"
}

const worker = (world: World, name: string): Worker => world.workers.find((one) => one.name === name)!

const lease = (): Picture => {
  const names = ["ada", "bob"]
  const world = new World(names, { work: 20_000 })
  world.advance(3_600)
  worker(world, "ada").kill()
  world.advance(5_000)
  return {
    world,
    names,
    storage: false,
    title: "The life of a lease of 3 s: renewed while its holder lives, over when it does not",
    notes: [{ at: 500, lane: "bob", text: "▲ renewed, every third of “expires”" }, {
      at: 4_000,
      lane: "bob",
      text: "nobody renews it: it runs out"
    }]
  }
}

const handOver = (): Picture => {
  const names = ["ada", "bob", "cyd"]
  const world = new World(names, { work: 1_500, rest: 600 })
  world.advance(8_000)
  return { world, names, storage: false, title: "Hand-over: who came first is next, woken by the release", notes: [] }
}

const paused = (): Picture => {
  const names = ["ada", "bob"]
  const world = new World(names, { work: 2_500 })
  world.advance(1_400)
  worker(world, "ada").pause()
  world.advance(4_600)
  worker(world, "ada").resume()
  world.advance(1_600)
  return {
    world,
    names,
    storage: true,
    title: "Paused past its lease: the storage refuses the late write",
    notes: [
      { at: 1_450, lane: "ada", text: "ada stands still, and does not know" },
      { at: 4_350, lane: "bob", text: "her lease is over: bob has the lock" }
    ]
  }
}

/** The pictures, by the names of their files. */
export const pictures: Readonly<Record<string, () => string>> = {
  "lease.svg": () => draw(lease()),
  "hand-over.svg": () => draw(handOver()),
  "paused.svg": () => draw(paused())
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, picture] of Object.entries(pictures)) {
    writeFileSync(join(root, "docs/public", name), picture())
    console.log(`docs/public/${name}`)
  }
}
