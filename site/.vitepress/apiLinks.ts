import type { ShikiTransformer } from "shiki"

/** Names that are words of their own: as they stand in an example they may mean something else. */
const isPlain = (name: string): boolean => !/^Lock|Backend|Failure$|Options$|^Lease$|^LeaseLost/.test(name)

/** Makes names of the library in code into links to where they are explained. */
export const apiLinks = (links: Readonly<Record<string, string>>, base: string): ShikiTransformer => ({
  name: "effect-lock/apiLinks",
  preprocess(code, options) {
    if (options.lang !== "ts") return
    const signature = /\bsignature\b/.test(String(options.meta?.__raw ?? ""))
    const decorations = [...options.decorations ?? []]
    for (const match of code.matchAll(/(?<![\w$./-])[A-Za-z_]\w*(?:\.\w+)?(?![\w-])/g)) {
      const [path] = match
      const [first] = path.split(".")
      // `Lock.withLock`, or else `LockError` of `LockError.reason`.
      const name = Object.hasOwn(links, path) ? path : first
      // Its own: `toString` is a name of every object.
      if (!Object.hasOwn(links, name) || (name === first && !signature && isPlain(first))) continue
      decorations.push({
        start: match.index,
        end: match.index + name.length,
        properties: { class: "api", href: base + links[name].slice(1).replace(/(#|$)/, ".html$1") },
        tagName: "a",
        alwaysWrap: true
      })
    }
    options.decorations = decorations
  }
})
