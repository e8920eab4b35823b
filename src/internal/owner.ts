/**
 * The name of a process, for people. It is part of every token, so it is short and uses few
 * characters.
 */

const longest = 40

export const expected = `1 to ${longest} of the characters A-Z a-z 0-9 - _, such as "payments-1"`

export const isOwner = (input: unknown): input is string =>
  typeof input === "string" && input.length <= longest && /^[\w-]+$/.test(input)

/** Node, Bun and Deno have these; other runtimes may lack them, or deny access. */
export interface Runtime {
  readonly pid?: number
  readonly getBuiltinModule?: (name: "node:os") => { readonly hostname: () => string } | undefined
}

const known = <A>(get: () => A | undefined): A | undefined => {
  try {
    return get()
  } catch {
    return undefined
  }
}

/**
 * Host name and process id, if the runtime tells them. A long name keeps its end, which tells
 * replicas apart.
 */
export const nameOf = (runtime: Runtime | undefined): string => {
  const pid = known(() => runtime?.pid)?.toString() ?? ""
  const host = known(() => runtime?.getBuiltinModule?.("node:os")?.hostname()) ?? ""
  const short = host.split(".")[0].replace(/[^\w-]/g, "-").slice(pid.length + 1 - longest)
  return [short, pid].filter((part) => part !== "").join("-") || "unknown"
}

const runtime = (globalThis as { readonly process?: Runtime }).process

export const processId: string = /* #__PURE__ */ String(/* #__PURE__ */ known(() => runtime?.pid) ?? 0)

export const ofProcess: string = /* #__PURE__ */ nameOf(runtime)
