/**
 * Which tabs and workers are gone. Each holds its own Web Lock for as long as it lives. The browser
 * releases it when the tab is closed, crashes or goes to another page, so whoever acquires it knows
 * that the tab is gone. Names are random and never reused.
 */
import { constVoid } from "effect/Function"

/** The most dead tabs that are remembered; others are looked up again. */
const mostGone = 1_000

/** Nothing is known of tabs with another home. */
export class Tabs {
  private readonly name: string
  private readonly home: string
  private readonly gone = new Set<string>()

  constructor(name: string, home: string) {
    this.name = name
    this.home = home
  }

  newName(): string {
    return `${this.home}:${crypto.randomUUID()}`
  }

  /** The name of the Web Lock that a tab holds. */
  lockOf(tab: string): string {
    return `${this.name}:tab:${tab}`
  }

  /** Remembers that a tab is gone. */
  bury(tab: string): void {
    if (this.gone.size >= mostGone) this.gone.clear()
    this.gone.add(tab)
  }

  /** Whether a tab is known to be gone. */
  isGone(tab: string): boolean {
    return this.gone.has(tab)
  }

  /** Calls back once, when the tab is gone, until the returned function is called. */
  watch(tab: string, onGone: () => void): () => void {
    if (!this.isAtHome(tab)) return constVoid
    const watch = new AbortController()
    navigator.locks.request(this.lockOf(tab), { mode: "shared", signal: watch.signal }, () => {
      if (watch.signal.aborted) return
      this.bury(tab)
      onGone()
    }).catch(() => {
      // The watch has ended.
    })
    return () => watch.abort()
  }

  /** Finds out which of these are gone, and returns whether any is. */
  async find(tabs: ReadonlyArray<string>): Promise<boolean> {
    const { held = [] } = await navigator.locks.query()
    const there = new Set(held.map(({ name }) => name))
    const found = tabs.filter((tab) => this.isAtHome(tab) && !there.has(this.lockOf(tab)))
    for (const tab of found) this.bury(tab)
    return found.length > 0
  }

  private isAtHome(tab: string): boolean {
    return tab.startsWith(`${this.home}:`)
  }
}
