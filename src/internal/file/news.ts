/**
 * News of a key for those who only look at it: the system watches the key's
 * directory, where each change of its state is a rename, and the directory of all
 * locks while the key has none. Where the system has no watch left there is no news.
 */
import * as fs from "node:fs"
import { works } from "./failure.ts"
import * as Paths from "./paths.ts"

/** Calls `notify` on each change, and perhaps more often, until the result is called. */
export const of = (root: string, key: string, notify: () => void): () => void => {
  const name = Paths.keyName(key)
  const path = `${root}/${name}`
  let watcher: fs.FSWatcher | undefined
  /** Of the directory that is watched, or undefined while it is that of all locks. The number alone may be another one's by now. */
  let inode: string | undefined

  /** What cannot be looked at is taken to be as it was: who looks at the key is told what is wrong. */
  const inodeNow = (): string | undefined => {
    let found = inode
    works(() => {
      const stat = fs.statSync(path, { throwIfNoEntry: false })
      found = stat && `${stat.ino} ${stat.birthtimeMs}`
    })
    return found
  }

  const end = (): void => {
    watcher?.close()
    watcher = undefined
  }

  const watch = (directory: string, heard: (changed: string | null) => void): void => {
    works(() => {
      const opened = watcher = fs.watch(directory, { persistent: false }, (_, changed) => heard(changed))
      opened.on("error", () => opened.close())
    })
  }

  const begin = (): void => {
    end()
    inode = inodeNow()
    if (inode === undefined) {
      watch(root, (changed) => {
        if (changed === null || changed === name) look()
      })
    } else watch(path, look)
    // What happened meanwhile.
    if (inodeNow() !== inode) begin()
  }

  const look = (): void => {
    if (inodeNow() !== inode) begin()
    notify()
  }

  begin()
  return end
}
