/**
 * Calls that go to the server together. While so many statements are out as have
 * any use, what comes in waits for the next one: few calls are sent at once, and
 * many share a statement, and the commit that it waits for.
 */
/** Calls in one statement: enough to make the statement's own cost vanish, few enough not to hold up the server. */
const batchSize = 128;
/** Statements of a kind that may be out. */
const lanes = 2;
/** `send` has to call `landed` once. Within a batch there is never more than one item for a row. */
export const make = (send) => {
    let waiting = [];
    let out = 0;
    let scheduled = false;
    const landed = () => {
        out--;
        schedule();
    };
    // What else comes in during this turn goes along.
    const schedule = () => {
        if (scheduled || waiting.length === 0 || out >= lanes)
            return;
        scheduled = true;
        queueMicrotask(flush);
    };
    const flush = () => {
        scheduled = false;
        const rows = new Set();
        const batch = [];
        const later = [];
        for (const item of waiting) {
            if (batch.length < batchSize && !rows.has(item.row)) {
                rows.add(item.row);
                batch.push(item);
            }
            else
                later.push(item);
        }
        waiting = later;
        out++;
        send(batch, landed);
        schedule();
    };
    return {
        add: (item) => {
            waiting.push(item);
            schedule();
        }
    };
};
