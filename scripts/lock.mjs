// Completes package-lock.json with the packages for other platforms that the registry at hand does not list,
// without which `npm ci` refuses the lock. Run it after changing dependencies.
import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(file, "utf8"))

for (const { dev, optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`
    // Named by platform, as in "@effect/tsgo-darwin-arm64".
    const platform = /\b(darwin|linux|win32)-(arm64|arm|x64)$/.exec(name)
    if (path in lock.packages || platform === null) continue
    lock.packages[path] = { version, cpu: [platform[2]], ...(dev && { dev }), optional: true, os: [platform[1]] }
    console.log(`added ${name}@${version}`)
  }
}

const root = ({ "": project, ...others }) => [
  ["", project],
  ...Object.entries(others).toSorted(([a], [b]) => a.localeCompare(b, "en"))
]
lock.packages = Object.fromEntries(root(lock.packages))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
