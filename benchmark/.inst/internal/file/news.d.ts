/** Calls `notify` on each change, and perhaps more often, until the result is called. */
export declare const of: (root: string, key: string, notify: () => void) => () => void;
