/** The arguments after `--`, if it was given. */
import * as Context from "effect/Context"

export const Operands: Context.Reference<ReadonlyArray<string> | undefined> = Context.Reference(
  "effect-lock-cli/Operands",
  { defaultValue: (): ReadonlyArray<string> | undefined => undefined }
)

export const after = (args: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const at = args.indexOf("--")
  return at === -1 ? undefined : args.slice(at + 1)
}
