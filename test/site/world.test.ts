/** The world of the interactive page, played without a page: its stories come to their end, and are the same each time. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { root } from "../../scripts/doctest.ts"
import { pictures } from "../../scripts/pictures.ts"
import { names, stories, Teller } from "../../site/.vitepress/theme/see/stories.ts"
import { World } from "../../site/.vitepress/theme/see/world.ts"

const play = (story: (typeof stories)[number]) => {
  const world = new World(names)
  const teller = new Teller(world, story)
  const said = [teller.step.say]
  while (!teller.isOver && world.now < 120_000) {
    world.advance(20)
    teller.go()
    if (said.at(-1) !== teller.step.say) said.push(teller.step.say)
  }
  return { world, teller, said }
}

/** Who has a key alone, and when, as the workers believe it while they run. */
const overlaps = (world: World): ReadonlyArray<string> => {
  const paused = world.spans.filter(({ kind }) => kind === "paused")
  const holding = world.spans.filter(({ kind }) => kind === "holds")
  return holding.flatMap((one) =>
    holding.filter((other) => other !== one && other.from >= one.from && other.from < (one.to ?? world.now))
      // Who stands still does not know.
      .filter(() =>
        !paused.some(({ from, to, who }) =>
          who === one.who && from >= one.from && (to ?? world.now) <= (one.to ?? world.now)
        )
      )
      .map((other) => `${other.who} at ${other.from} while ${one.who} holds`)
  )
}

describe("the interactive page", () => {
  for (const story of stories) {
    it(`tells "${story.title}" to its end, with each of its steps, and the same each time`, () => {
      const { said, teller, world } = play(story)
      assert.isTrue(teller.isOver)
      assert.deepStrictEqual(said, story.steps.map(({ say }) => say))
      assert.deepStrictEqual(world.events, play(story).world.events)
      if (!["readers", "permits"].includes(story.id)) assert.deepStrictEqual(overlaps(world), [])
    })
  }

  it("refuses the late write of who was paused, and tells it of the loss afterwards", () => {
    const { world } = play(stories.find(({ id }) => id === "pause")!)
    const ada = world.events.filter(({ what, who }) => who === "ada" && ["refused", "lost", "resumed"].includes(what))
    assert.deepStrictEqual(ada.map(({ what }) => what), ["resumed", "refused", "lost"])
    assert.strictEqual(ada[1].fence, 1)
  })

  it("frees the key of who was killed when its lease is over", () => {
    const { world } = play(stories.find(({ id }) => id === "crash")!)
    const killed = world.events.find(({ what }) => what === "killed")!
    const next = world.events.find(({ at, what }) => what === "holds" && at > killed.at)!
    assert.strictEqual(next.who, "bob")
    // A lease, and a little for the way.
    assert.isBelow(next.at - killed.at, world.settings.expires + 200)
  })

  it("lets readers in together, and so many permits as there are", () => {
    for (const id of ["readers", "permits"]) {
      const { world } = play(stories.find((story) => story.id === id)!)
      const holding = world.spans.filter(({ kind }) => kind === "holds")
      const most = Math.max(
        ...holding.map(({ from }) => holding.filter((one) => one.from <= from && (one.to ?? world.now) > from).length)
      )
      assert.strictEqual(most, 2)
    }
  })

  it("keeps the keys apart", () => {
    const world = new World(names)
    world.workers[1].key = "B"
    world.advance(2_000)
    assert.deepStrictEqual([world.holders("A")[0]?.who, world.holders("B")[0]?.who], ["ada", "bob"])
  })

  it("forgets what is long over", () => {
    const world = new World(names)
    world.advance(150_000)
    assert.isBelow(world.events.length, 2_000)
    assert.isAbove(world.now - world.events[0].at, 60_000)
  })
})

describe("the pictures", () => {
  for (const [name, picture] of Object.entries(pictures)) {
    it(`${name} is what a run looks like`, () => {
      assert.strictEqual(picture(), readFileSync(join(root, "docs/public", name), "utf8"))
    })
  }
})
