import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { type DefaultTheme, defineConfig } from "vitepress"
import { apiLinks } from "./apiLinks.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const docs = join(root, "docs")
const base = process.env.DOCS_BASE ?? "/"
const repository = "https://github.com/effect-lock/effect-lock"

const pages: ReadonlyArray<string> = readdirSync(docs, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".md")).map((file) => file.split(sep).join("/")).toSorted()

const textOf = (page: string): string => readFileSync(join(docs, page), "utf8")

/** The heading of a page, which is how it is called in the navigation. */
const titleOf = (page: string): string => {
  const text = textOf(page)
  return /^title: (.+)$/m.exec(/^---\n([^]*?)\n---/.exec(text)?.[1] ?? "")?.[1] ??
    /^# (.+)$/m.exec(text)?.[1].replaceAll("`", "") ?? basename(page, ".md")
}

/** The pages that are files from elsewhere. */
const included = new Map(pages.flatMap((page) => {
  const path = /^<!--@include: (.+)-->$/m.exec(textOf(page))?.[1]
  return path === undefined ? [] : [[relative(root, join(docs, path)).split(sep).join("/"), page]]
}))

/** What each part of the navigation has, in order. A page that nobody names is found under "More". */
const sections: Readonly<Record<string, ReadonlyArray<string>>> = {
  "Start": ["start", "see", "examples", "choosing", "promises", "errors"],
  "Guides": [
    "expires-and-timeout",
    "losing-a-lock",
    "fencing",
    "sharing",
    "several-keys",
    "leaders",
    "jobs-on-a-schedule",
    "handing-over",
    "command-line",
    "at-three-in-the-morning",
    "observability",
    "cluster-and-workflows",
    "testing",
    "security"
  ],
  "Operations": pages.filter((page) => page.startsWith("operations")).map((page) => page.replace(/\.md$/, "")),
  "Backends": [
    "redis",
    "redis-sentinel",
    "redis-cluster",
    "postgresql",
    "memcached",
    "files",
    "browser",
    "memory",
    "key-value",
    "open",
    "custom",
    "urls"
  ],
  "Coming from": pages.filter((page) => page.startsWith("from/")).map((page) => page.replace(/\.md$/, "")),
  "More to know": ["benchmark", "redlock-the-algorithm", "changelog"]
}

const item = (page: string): DefaultTheme.SidebarItem => ({ text: titleOf(`${page}.md`), link: `/${page}` })

const named = new Set(Object.values(sections).flat().map((page) => `${page}.md`))
const more = pages.filter((page) => !named.has(page) && page !== "index.md" && !page.startsWith("api/"))

const guide: ReadonlyArray<DefaultTheme.SidebarItem> = [
  ...Object.entries(sections).map(([text, names]) => ({
    text,
    collapsed: text === "Coming from" || text === "Operations",
    items: names.filter((name) => pages.includes(`${name}.md`)).map(item)
  })),
  { text: "More", items: more.map((page) => item(page.replace(/\.md$/, ""))) }
].filter(({ items }) => items.length > 0)

/** In the order of the index. */
const api = [...textOf("api/index.md").matchAll(/^- \[.+?\]\(\.\/(.+?)\.md\)/gm)]
  .map(([, name]) => ({ text: name.replace("testing-", "testing: "), link: `/api/${name}` }))

export default defineConfig({
  title: "effect-lock",
  description: "One at a time, across fibers, processes and hosts, as an Effect value",
  lang: "en",
  base,
  srcDir: "../docs",
  outDir: "../.tmp/site",
  cacheDir: "../.tmp/vitepress",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}icon.svg` }]],
  markdown: {
    codeTransformers: [apiLinks(JSON.parse(readFileSync(join(docs, "api/links.json"), "utf8")), base)],
    config: (md) => {
      // A program that a paragraph of its own leads to can be read below it.
      md.core.ruler.push("examples", (state) => {
        state.tokens = state.tokens.flatMap((token, i, all) => {
          const file = /^\[`[^`]+`\]\(\.\.\/(examples\/[^)]+\.ts)\)$/.exec(all[i - 1]?.content ?? "")?.[1]
          if (token.type !== "paragraph_close" || file === undefined) return token
          const html = (content: string) => Object.assign(new state.Token("html_block", "", 0), { content })
          const code = Object.assign(new state.Token("fence", "code", 0), {
            info: "ts",
            content: readFileSync(join(root, file), "utf8")
          })
          return [
            token,
            html(`<details class="details custom-block"><summary>The program</summary>\n`),
            code,
            html("</details>\n")
          ]
        })
      })
      // What is not a page is in the repository: other files, and folders without an index.
      md.core.ruler.push("repository", ({ env, tokens }) => {
        const folder = dirname(env.path ?? join(docs, "index.md"))
        for (const child of tokens.flatMap(({ children }) => children ?? [])) {
          const href = child.type === "link_open" ? child.attrGet("href") : null
          if (href === null || /^(\w+:|\/|#)/.test(href)) continue
          const [path] = href.split("#")
          const target = relative(root, join(folder, path)).split(sep).join("/")
          const isPage = target.startsWith("docs/") &&
            (target.endsWith(".md") || existsSync(join(root, target, "index.md")) || !existsSync(join(root, target)))
          const page = included.get(target)
          if (page !== undefined) child.attrSet("href", base + page.replace(/\.md$/, ""))
          else if (!isPage) child.attrSet("href", `${repository}/blob/main/${target}`)
        }
      })
    }
  },
  vite: {
    // What the interactive page runs are the sources.
    resolve: {
      alias: [
        { find: /^effect-lock$/, replacement: join(root, "src/index.ts") },
        { find: /^effect-lock\/testing$/, replacement: join(root, "src/testing/index.ts") },
        { find: /^effect-lock\/(.+)$/, replacement: join(root, "src/$1.ts") }
      ]
    }
  },
  themeConfig: {
    logo: "/icon.svg",
    search: { provider: "local", options: { detailedView: true } },
    nav: [
      { text: "Start", link: "/start" },
      { text: "See it", link: "/see" },
      { text: "Backends", link: "/choosing" },
      { text: "API", link: "/api/" },
      { text: "Changelog", link: "/changelog" }
    ],
    sidebar: {
      "/api/": [{ text: "API reference", link: "/api/", items: api }, { text: "Guides", link: "/start" }],
      "/": [...guide, { text: "API reference", link: "/api/" }]
    },
    outline: { level: [2, 3] },
    socialLinks: [{ icon: "github", link: repository }],
    footer: { message: "MIT licensed" },
    docFooter: { prev: "Before", next: "Next" }
  }
})
