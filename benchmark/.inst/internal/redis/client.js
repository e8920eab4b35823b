/** A client of ioredis, version 5 or 6, or its like, and how we deal with its connections. */
export const isCluster = (client) => client.isCluster === true;
/** What a client lacks, of what we cannot do without. */
export const missing = (client) => {
    const given = client;
    for (const name of ["call", "connect", "on", "off", client?.isCluster === true ? "nodes" : "duplicate"]) {
        if (typeof given?.[name] !== "function")
            return name;
    }
    return typeof given?.["status"] === "string" ? undefined : "status";
};
/** A connection of ours that says nothing for this long while commands are out is given up for a new one. */
export const silenceMillis = 1000;
/** One that is not ready this long after it was begun, likewise. */
export const handshakeMillis = 3000;
/** Delay before the nth attempt to connect again. */
export const backoff = (times) => Math.round(Math.min(1000, 25 * 2 ** Math.min(times, 8)) * (0.5 + Math.random() * 0.5));
