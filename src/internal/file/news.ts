/**
 * Notifications for watchers of a key: `fs.watch` on the key's directory, in which each change of
 * state is a rename, or on the directory of all locks while the key has none. If the system has no
 * watches left, there are no notifications.
 */
import * as fs from "node:fs"
import { works } from "./failure.ts"
import * as Paths from "./paths.ts"

/** Calls `notify` on each change, and perhaps more often, until the returned function is called. */
export const of = (root: string, key: string, notify: () => void): () => void => {
  const name = Paths.keyName(key)
  const path = `${root}/${name}`
  let watcher: fs.FSWatcher | undefined
  /**
   * Identifies the watched directory; undefined while it is that of all locks. The inode number
   * alone may have been reused.
   */
  let inode: string | undefined

  /** If this fails, nothing counts as changed: the next look at the key reports the error. */
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
    // Covers what happened meanwhile.
    if (inodeNow() !== inode) begin()
  }

  const look = (): void => {
    if (inodeNow() !== inode) begin()
    notify()
  }

  begin()
  return end
}
