/**
 * News of a key for those who only look at it: the system watches the key's
 * directory, where each change of its state is a rename, and the directory of all
 * locks while the key has none. Where the system has no watch left there is no news.
 */
import * as fs from "node:fs";
import { works } from "./failure.js";
import * as Paths from "./paths.js";
/** Calls `notify` on each change, and perhaps more often, until the result is called. */
export const of = (root, key, notify) => {
    const name = Paths.keyName(key);
    const path = `${root}/${name}`;
    let watcher;
    /** Of the directory that is watched, or undefined while it is that of all locks. */
    let inode;
    const inodeNow = () => fs.statSync(path, { throwIfNoEntry: false })?.ino;
    const end = () => {
        watcher?.close();
        watcher = undefined;
    };
    const watch = (directory, heard) => {
        works(() => {
            const opened = watcher = fs.watch(directory, { persistent: false }, (_, changed) => heard(changed));
            opened.on("error", () => opened.close());
        });
    };
    const begin = () => {
        end();
        inode = inodeNow();
        if (inode === undefined) {
            watch(root, (changed) => {
                if (changed === null || changed === name)
                    look();
            });
        }
        else
            watch(path, look);
        // What happened meanwhile.
        if (inodeNow() !== inode)
            begin();
    };
    const look = () => {
        if (inodeNow() !== inode)
            begin();
        notify();
    };
    begin();
    return end;
};
