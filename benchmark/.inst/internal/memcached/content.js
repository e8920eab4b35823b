/**
 * What the item of a lock says: who holds it, and who waits, in the order in
 * which they came.
 *
 * A waiter must not touch the time that the holder's item has, and only APPEND
 * leaves it alone. So the queue is a log of who came and who went, which is
 * cleared up whenever a holder writes the item anew.
 */
/** `2` is the version of the format; an item of version 1 had no queue, and its holder would not know it again. */
const pattern = /^([12]) (\d{1,16}) (\*|[\w.-]+)((?: [+~][\w.-]+)*)$/;
/** Every waiter reads it all at every look. */
const maxLength = 8_000;
export const encode = (token, time, waiters) => {
    let text = `2 ${Math.round(time)} ${token ?? "*"}`;
    for (const waiter of waiters)
        text += joining(waiter);
    return text;
};
/** To be added when one comes. */
export const joining = (token) => ` +${token}`;
/** To be added when one goes. */
export const leaving = (token) => ` ~${token}`;
const queueOf = (log) => {
    if (log === "")
        return [];
    const waiters = new Set();
    for (const entry of log.slice(1).split(" ")) {
        if (entry.startsWith("+"))
            waiters.add(entry.slice(1));
        else
            waiters.delete(entry.slice(1));
    }
    return [...waiters];
};
/** Undefined for what is no lock. */
export const decode = (value) => {
    const match = pattern.exec(value.toString("latin1"));
    if (match === null)
        return undefined;
    const [, version, time, holder, log] = match;
    return {
        token: holder === "*" ? undefined : holder,
        time: Number(time),
        waiters: queueOf(log),
        full: version === "1" || value.length > maxLength
    };
};
