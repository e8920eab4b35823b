/**
 * Those who wait. Each puts a ticket beside the state, a file named after it,
 * and watches that file alone: whoever gives the key back tears the ticket of
 * the first, who is woken by it, and nobody else. A ticket is a hint. Without it
 * one looks every now and then; one that was torn in vain is written again, with
 * the place that it had.
 */
import * as fs from "node:fs";
import * as Directory from "./directory.js";
import { works } from "./failure.js";
import * as Host from "./host.js";
import * as State from "./state.js";
/** How long a key is given to one that has not been heard of since: a deaf one costs the next as much, and no more. */
const watchedMillis = 1_000;
export const make = (pollMillis) => {
    const tickets = new Map();
    const listeners = new Map();
    const put = (ticket, millis) => {
        const { expires, path, share, since, token } = ticket;
        ticket.name = State.make("q", 0, since, Math.min(expires, millis), token, Host.self, share).name;
        ticket.isPut = Directory.put(path, ticket.name);
    };
    const unwatch = (ticket) => {
        ticket.watcher?.close();
        ticket.watcher = undefined;
    };
    const look = (ticket) => {
        if (!ticket.isPut || fs.existsSync(`${ticket.path}/${ticket.name}`))
            return;
        ticket.isPut = false;
        unwatch(ticket);
        listeners.get(ticket.token)?.(ticket);
    };
    /** False when the system has no watch left for us. */
    const watch = (ticket) => works(() => {
        ticket.watcher = fs.watch(`${ticket.path}/${ticket.name}`, { persistent: false }, () => { globalThis.T?.push('event',process.hrtime.bigint()); look(ticket)});
        ticket.watcher.on("error", () => unwatch(ticket));
    });
    /** One that hears nothing comes by itself, and the key must be its own until then. */
    const patientMillis = Math.ceil(2 * pollMillis) + watchedMillis;
    return {
        listen: (token, torn) => {
            listeners.set(token, torn);
            return () => {
                listeners.delete(token);
                leave(token);
            };
        },
        enter: (path, token, expires, now, outlives, share) => {
            let ticket = tickets.get(token);
            if (ticket === undefined) {
                ticket = { path, token, expires, outlives, share, since: now, name: "", isPut: false, watcher: undefined };
            }
            tickets.set(token, ticket);
            unwatch(ticket);
            const listens = listeners.has(token);
            put(ticket, listens ? watchedMillis : patientMillis);
            if (!listens || !ticket.isPut || watch(ticket))
                return;
            Directory.take(path, ticket.name);
            put(ticket, patientMillis);
        },
        leave
    };
    function leave(token) {
        const ticket = tickets.get(token);
        if (ticket === undefined)
            return false;
        tickets.delete(token);
        unwatch(ticket);
        if (ticket.isPut)
            Directory.take(ticket.path, ticket.name);
        ticket.isPut = false;
        return true;
    }
};
