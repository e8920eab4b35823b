/** Commands in flight: given to the client, and not answered yet. */
import { createHash } from "node:crypto"
import { PassingSet } from "../passing.ts"
import type { Client } from "./client.ts"
import * as Failure from "./failure.ts"
import type { Script } from "./scripts.ts"
import type { Command } from "./transport.ts"

const shas = new Map<Script, string>()

const shaOf = (script: Script): string => {
  let sha = shas.get(script)
  if (sha === undefined) shas.set(script, sha = createHash("sha1").update(script.lua).digest("hex"))
  return sha
}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

export class InFlight {
  private readonly client: Client
  private readonly cluster: boolean
  /** Called for each answer, with whether it is a server's and not the client's own. */
  private readonly answered: (byServer: boolean) => void
  private readonly commands = new PassingSet<Command>()
  /** Scripts that the connected server has. In a cluster it is not known which node has which. */
  private readonly loaded = new Set<Script>()
  /** Commands that were in flight when a connection broke, and may have been executed. A cluster does not tell. */
  private readonly resent = new WeakSet<Command>()

  constructor(client: Client, cluster: boolean, answered: (byServer: boolean) => void) {
    this.client = client
    this.cluster = cluster
    this.answered = answered
  }

  get isEmpty(): boolean {
    return this.commands.size === 0
  }

  send(command: Command): void {
    const { script } = command
    const isLoaded = typeof script !== "string" && this.loaded.has(script)
    this.execute(command, !this.cluster && !isLoaded)
  }

  /** `text`: the server gets the text of a script, and not its digest. */
  private execute(command: Command, text: boolean): void {
    const { args, keys, script } = command
    this.commands.add(command)
    command.sent = true
    const reply = typeof script === "string"
      ? this.client.call(script, [...args])
      : this.client.call(text ? "eval" : "evalsha", [text ? script.lua : shaOf(script), keys, ...args])
    reply.then(
      (reply) => this.succeed(command, reply),
      (error) => this.reject(command, text, error)
    )
  }

  private succeed(command: Command, reply: unknown): void {
    if (typeof command.script !== "string") this.loaded.add(command.script)
    const isAwaited = this.commands.delete(command)
    this.answered(true)
    if (isAwaited) command.succeed(reply)
  }

  private reject(command: Command, text: boolean, error: unknown): void {
    const isAwaited = this.commands.delete(command)
    this.answered(Failure.isRefusal(error))
    if (!isAwaited) return
    if (!text && isNoScript(error)) return this.execute(command, true)
    if (!this.cluster && !this.resent.has(command) && Failure.isBarred(error)) command.sent = false
    command.fail(error)
  }

  /** The connection broke. What is in flight may have been executed, and the client may send it again. */
  broke(): void {
    this.loaded.clear()
    for (const command of this.commands.list()) this.resent.add(command)
  }

  /** Fails all of them, and ignores their answers. */
  fail(cause: unknown): void {
    const commands = this.commands.list()
    this.commands.clear()
    for (const command of commands) command.fail(cause)
  }
}
