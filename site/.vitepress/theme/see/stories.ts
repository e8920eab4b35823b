/** Stories that the page tells: who does what, and when to go on. They wait for what happens, and never for a time alone. */
import type { Settings, Worker, World } from "./world.ts"

export interface Step {
  /** What one sees, in a sentence or two. */
  readonly say: string
  readonly act?: (world: World) => void
  /** When the next step begins, by the world and how long this one has lasted; the last one has none. */
  readonly until?: (world: World, past: number) => boolean
  /** After so long time stops, so that what is told does not leave the picture. It goes on when the reader says so. */
  readonly stopAfter?: number
}

export interface Story {
  readonly id: string
  readonly title: string
  readonly settings?: Partial<Settings>
  readonly setUp?: (world: World) => void
  readonly steps: ReadonlyArray<Step>
}

export const names = ["ada", "bob", "cyd"] as const

const worker = (world: World, name: string): Worker => world.workers.find((one) => one.name === name)!

const holds = (name: string) => (world: World): boolean => worker(world, name).doing === "holds"

/** So long in the section that the next thing is seen to happen in its middle. */
const holdsFor = (name: string, millis: number) => (world: World): boolean =>
  world.spans.some(({ from, kind, to, who }) =>
    kind === "holds" && who === name && to === undefined && world.now - from >= millis
  )

const has = (name: string, what: string) => (world: World): boolean =>
  world.events.some((event) => event.who === name && event.what === what)

const after = (millis: number, condition: (world: World) => boolean = () => true) => (world: World, past: number) =>
  past >= millis && condition(world)

export const stories: ReadonlyArray<Story> = [
  {
    id: "turns",
    title: "Take turns",
    steps: [
      {
        say: "Three processes want one key. Who came first is served first; the others wait and ask for nothing.",
        until: after(4_000, holds("bob"))
      },
      {
        say: "Each release wakes the next in the queue. Every holder gets a higher token, shown in its bar.",
        until: after(6_000)
      },
      {
        say:
          "The dashed bar is the lease: a third of it is gone, then it is renewed. Now it is yours: kill, pause, cut off."
      }
    ]
  },
  {
    id: "crash",
    title: "A crash",
    steps: [
      { say: "Ada has the lock. Bob and Cyd wait.", until: holdsFor("ada", 1_300) },
      {
        say:
          "Ada is killed. Nobody is told, and nothing is given back. But nobody renews her lease any more: it runs out.",
        act: (world) => worker(world, "ada").kill(),
        until: holds("bob")
      },
      {
        say: "The lease was over, and the store gave the key to Bob: “expires” after her last renewal, and not later.",
        until: after(3_000)
      },
      { say: "That is all that “expires” means: how long a crash blocks the others. Start Ada again when you like." }
    ]
  },
  {
    id: "pause",
    title: "A pause",
    steps: [
      { say: "Ada has the lock, and token 1.", until: holdsFor("ada", 1_200) },
      {
        say: "Ada is stopped: by the garbage collector, the kernel, a move to another host. She does not know.",
        act: (world) => worker(world, "ada").pause(),
        until: holds("bob")
      },
      {
        say: "Her lease is over. Bob has the lock now, and writes with token 2.",
        until: after(1_800, has("bob", "writes"))
      },
      {
        say: "Ada goes on where she was, in the middle of a write. No lock service is asked when it arrives…",
        act: (world) => worker(world, "ada").resume(),
        until: has("ada", "lost")
      },
      {
        say:
          "…but the storage is: it has seen token 2 and refuses 1. A moment later Ada is told (LockLost), and her work is interrupted.",
        stopAfter: 1_500
      }
    ]
  },
  {
    id: "cut",
    title: "Cut off",
    steps: [
      { say: "Ada has the lock, and renews it.", until: holdsFor("ada", 1_200) },
      {
        say: "Ada is cut off from the store. She cannot renew, and tries again until her own clock says: over.",
        act: (world) => worker(world, "ada").cut(),
        until: has("ada", "stops")
      },
      {
        say: "She has stopped by herself, before the store gave the key away. Nobody had to tell her.",
        until: after(1_000, holds("bob"))
      },
      {
        say: "Bob has it. Ada can reach the store again, and lines up.",
        act: (world) => worker(world, "ada").mend(),
        until: after(3_000, (world) => worker(world, "ada").doing === "waits")
      },
      { say: "At no time did two hold the lock, and no timeout of a network was needed to know it." }
    ],
    settings: { work: 20_000 }
  },
  {
    id: "reply",
    title: "A lost reply",
    steps: [
      {
        say: "The reply to Ada's first question will be lost: the store has given her the key, and she does not know.",
        act: (world) => worker(world, "ada").loseReply(),
        until: has("ada", "reply lost")
      },
      {
        say: "She asks again, with the same token. The store finds her own token in the key: it is hers.",
        until: holds("ada")
      },
      {
        say:
          "No lock that nobody has, and no wait for the end of a lease. Had she given up, the token would have been released."
      }
    ]
  },
  {
    id: "readers",
    title: "Readers and a writer",
    setUp: (world) => {
      worker(world, "ada").role = "reads"
      worker(world, "bob").role = "reads"
    },
    steps: [
      { say: "Ada and Bob read, beside each other. Cyd wants to write, and waits.", until: holds("cyd") },
      {
        say: "Cyd has the key alone. Readers that came after it wait behind it, so no writer starves.",
        until: after(1_000, holds("ada"))
      },
      { say: "And both readers are let in together again." }
    ]
  },
  {
    id: "permits",
    title: "Two permits",
    setUp: (world) => world.workers.forEach((one) => (one.role = "permit")),
    steps: [
      {
        say: "At most two at a time, over all processes: the third one waits for a permit.",
        until: holdsFor("cyd", 500)
      },
      {
        say: "Cyd is killed. Its permit comes back when its lease is over, whatever the others do.",
        act: (world) => worker(world, "cyd").kill(),
        until: after(4_000)
      },
      { say: "Two permits are two holders with a lease each. Their tokens fence nothing, since they overlap." }
    ]
  }
]

/** Goes on with a story as far as the world has come. */
export class Teller {
  readonly story: Story
  private readonly world: World
  private index = 0
  private since: number
  private hasStopped = false

  constructor(world: World, story: Story) {
    this.world = world
    this.story = story
    this.since = world.now
    Object.assign(world.settings, story.settings)
    story.setUp?.(world)
    this.step.act?.(world)
  }

  get step(): Step {
    return this.story.steps[this.index]
  }

  get isOver(): boolean {
    return this.step.until === undefined
  }

  /** Whether time is to stop now: once for a story. */
  stops(): boolean {
    const { stopAfter = Infinity } = this.step
    if (this.hasStopped || this.world.now - this.since < stopAfter) return false
    return this.hasStopped = true
  }

  go(): void {
    while (this.step.until?.(this.world, this.world.now - this.since) === true) {
      this.index++
      this.since = this.world.now
      this.step.act?.(this.world)
    }
  }
}
