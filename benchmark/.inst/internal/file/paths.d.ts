export declare const keyPrefix = "lock-";
export declare const keyName: (key: string) => string;
/** The key of a directory, unless its name has a hash, or is none of ours. */
export declare const keyOf: (name: string) => string | undefined;
export declare const fenceName = ".fence";
export declare const newPrefix = ".new-";
