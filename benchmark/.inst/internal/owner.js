/** What a process is called, for people: part of every token, so it is short and made of few characters. */
const longest = 40;
export const expected = `1 to ${longest} of the characters A-Z a-z 0-9 - _, such as "payments-1"`;
export const isOwner = (input) => typeof input === "string" && input.length <= longest && /^[\w-]+$/.test(input);
const known = (get) => {
    try {
        return get();
    }
    catch {
        return undefined;
    }
};
/** Host and process id, as far as the runtime tells them. Of a long name the end, which tells replicas apart. */
export const nameOf = (runtime) => {
    const pid = known(() => runtime?.pid)?.toString() ?? "";
    const host = known(() => runtime?.getBuiltinModule?.("node:os")?.hostname()) ?? "";
    const short = host.split(".")[0].replace(/[^\w-]/g, "-").slice(pid.length + 1 - longest);
    return [short, pid].filter((part) => part !== "").join("-") || "unknown";
};
const runtime = globalThis.process;
export const processId = /* #__PURE__ */ String(/* #__PURE__ */ known(() => runtime?.pid) ?? 0);
export const ofProcess = /* #__PURE__ */ nameOf(runtime);
