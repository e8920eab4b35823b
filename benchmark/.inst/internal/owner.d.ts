/** What a process is called, for people: part of every token, so it is short and made of few characters. */
export declare const expected = "1 to 40 of the characters A-Z a-z 0-9 - _, such as \"payments-1\"";
export declare const isOwner: (input: unknown) => input is string;
/** What Node, Bun and Deno have, and others may lack or forbid to ask. */
export interface Runtime {
    readonly pid?: number;
    readonly getBuiltinModule?: (name: "node:os") => {
        readonly hostname: () => string;
    } | undefined;
}
/** Host and process id, as far as the runtime tells them. Of a long name the end, which tells replicas apart. */
export declare const nameOf: (runtime: Runtime | undefined) => string;
export declare const processId: string;
export declare const ofProcess: string;
