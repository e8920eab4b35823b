/** A call that runs. */
import { Context, type Exit, type Fiber } from "effect"
import type { Call } from "./plan.ts"
import type { Host } from "./witness.ts"

export interface Operation {
  readonly host: Host
  readonly call: Call
  /** Which of its host it is. */
  readonly number: number
  readonly name: string
  readonly startedAt: number
  readonly startLag: number
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** Somebody asked it to stop. */
  interrupted: boolean
  /** From when it has no reason to go on. */
  endsAt: number | undefined
  enteredAt: number | undefined
  /** How its work ended, and when, and the lag by then. */
  left: { readonly at: number; readonly lag: number; readonly exit: Exit.Exit<unknown, unknown> } | undefined
  /** What its work gives. */
  readonly value: object
  /** It is in a part of its work that may be interrupted although its caller may not. */
  open: boolean
  /** Until when its work was in a part that cannot be interrupted. */
  deafUntil: number
  /** Others of its process were there before it, or a release of theirs is on its way. */
  readonly isBehind: boolean
  /** Nobody else has, wants or lately had the key. */
  alone: boolean
  /** Somebody has had or wanted the key while it ran. */
  sawOthers: boolean
}

/** Which call this is, for its work. The operations of a store must not see it. */
export const Current = Context.Reference<Operation | undefined>("effect-lock/test/Current", {
  defaultValue: () => undefined
})
