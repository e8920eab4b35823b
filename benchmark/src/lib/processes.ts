/**
 * A process for each contestant, so that none runs with the garbage, the compiled
 * code or the sockets of another. They take turns: idle ones use no CPU.
 */
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { type Program, start } from "./programs.ts"

export class Processes<Order, Answer> {
  private readonly children = new Map<string, ChildProcess>()
  private readonly program: Program

  constructor(program: Program) {
    this.program = program
  }

  /** Has the process of that name do something, and waits for what it says. */
  async ask(name: string, order: Order): Promise<Answer> {
    let child = this.children.get(name)
    if (child === undefined) {
      child = start(this.program, [], { serialization: "advanced" })
      child.on("exit", (code) => {
        if (code !== null) throw new Error(`the process of ${name} ended`)
      })
      this.children.set(name, child)
    }
    child.send(order as object)
    return this.hear(name)
  }

  /** What it says next. */
  async hear(name: string): Promise<Answer> {
    const [answer] = await once(this.children.get(name)!, "message")
    return answer as Answer
  }

  close(): void {
    for (const child of this.children.values()) child.kill("SIGKILL")
  }
}

/** The other end: does what it is told, one order after the other. */
export const serve = <Order, Answer>(work: (order: Order) => Promise<Answer>): void => {
  process.on("message", (order: Order) => {
    work(order).then((answer) => process.send!(answer), (error) => {
      console.error(error)
      process.exit(1)
    })
  })
}
