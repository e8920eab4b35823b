/**
 * A link: one TCP connection to one memcached process, which works or is dead.
 *
 * It never sends anything twice and never comes back. Whatever goes wrong kills
 * it, fails what waits for it, and lets its owner make another one. That is why
 * a CAS learned on a link is good for as long as the link: the process at the
 * other end is still the same.
 *
 * Of memjs it uses `Server`, which connects. What goes over the connection is
 * ours: memjs' `Client` re-sends and replays requests, so it can't be used for
 * locks, and its reading of replies takes longer than all else that a lock costs here.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { Server } from "memjs";
import { encodeRequest, Frames, Opcode, Status } from "./wire.js";
const unreachable = (description, cause) => ({
    kind: "Unreachable",
    retryable: true,
    description,
    cause
});
const noReply = (description) => ({ kind: "NoReply", retryable: true, description });
const unauthorized = {
    kind: "Unauthorized",
    retryable: false,
    description: "the server refused the user name or the password"
};
const unsupported = (description) => ({ kind: "Unsupported", retryable: false, description });
/** What a status says that none of the commands expects. */
export const statusFault = (reply) => {
    switch (reply.status) {
        case Status.outOfMemory:
            return { kind: "OutOfMemory", retryable: true, description: "the server has no memory left for the lock" };
        case Status.unknownCommand:
        case Status.notSupported:
            return unsupported("the server does not know the command");
        case Status.busy:
        case Status.temporary:
            return { kind: "Unknown", retryable: true, description: "the server is busy" };
        default:
            return {
                kind: "Unknown",
                retryable: false,
                description: `the server answered with status 0x${reply.status.toString(16)}`
            };
    }
};
/** memjs's own timers act after a day, so never before ours. Its limit is 2^31 milliseconds. */
const never = 86_400;
/**
 * The first number of a request: a line break, as bytes. A server that only knows
 * the text protocol waits for one, and so complains at once instead of never.
 */
const lineBreak = 0x0d0a;
/** What waits for a reply, oldest first: the server answers in the order in which it was asked. */
class Line {
    entries = [];
    head = 0;
    get size() {
        return this.entries.length - this.head;
    }
    get oldest() {
        return this.entries[this.head];
    }
    push(entry) {
        this.entries.push(entry);
    }
    shift() {
        if (++this.head === this.entries.length) {
            this.entries.length = this.head = 0;
        }
        else if (this.head === 1024) {
            this.entries.splice(0, this.head);
            this.head = 0;
        }
    }
    clear() {
        const left = this.entries.slice(this.head);
        this.entries = [];
        this.head = 0;
        return left;
    }
}
/** Looks after a time, and after all that arrived while this process was busy. */
const lateLook = (millis, look) => setTimeout(() => setImmediate(look), millis);
/** Starts connecting. The link can be used at once. */
export const open = (address, timeouts) => {
    const server = new Server(address.host, address.port, undefined, undefined, {
        timeout: never,
        conntimeout: never,
        keepAlive: true
    });
    const pending = new Line();
    const frames = new Frames();
    let waiting = [];
    let socket;
    let loggedIn = false;
    let dead;
    let sequence = lineBreak - 1;
    let outbox = [];
    let startedAt = 0;
    let timer;
    const kill = (fault) => {
        if (dead !== undefined)
            return;
        dead = fault;
        clearTimeout(connecting);
        clearTimeout(timer);
        // A reset makes the other side forget what it has not read yet, where a normal end would have it executed.
        if (pending.size > 0)
            socket?.resetAndDestroy();
        server.error(new Error(fault.description));
        const lost = pending.clear();
        const unsent = waiting ?? [];
        waiting = undefined;
        const inDoubt = { ...fault, sent: true };
        for (const one of lost)
            one.onFault(inDoubt);
        for (const send of unsent)
            send();
    };
    const connecting = lateLook(timeouts.connectMillis, () => {
        if (!loggedIn)
            kill(unreachable(`no connection within ${timeouts.connectMillis} ms`));
    });
    /** One timer for the oldest request. While there is none it holds nobody up, and ends by itself. */
    const watch = (millis) => {
        const own = lateLook(millis, () => timer === own ? look() : undefined);
        timer = own;
    };
    const look = () => {
        timer = undefined;
        const { oldest } = pending;
        if (oldest === undefined || dead !== undefined)
            return;
        const left = oldest.sentAt + timeouts.requestMillis - performance.now();
        if (left > 0)
            return watch(Math.ceil(left));
        kill(noReply(`no reply within ${timeouts.requestMillis} ms`));
    };
    const transmit = (request, onReply, onFault) => {
        if (dead === undefined && !socket.writable)
            kill(unreachable("the connection was closed"));
        if (dead !== undefined)
            return onFault(dead);
        sequence = sequence === 0x7fffffff ? 1 : sequence + 1;
        const alone = pending.size === 0;
        pending.push({ opcode: request.opcode, opaque: sequence, sentAt: performance.now(), onReply, onFault });
        // To connect, login included, has a time of its own.
        if (timer !== undefined) {
            if (alone)
                timer.ref();
        }
        else if (loggedIn)
            watch(timeouts.requestMillis);
        const message = encodeRequest(request, sequence);
        // One that is alone goes out at once, for the server to work on while others are made.
        if (alone)
            socket.write(message);
        else if (outbox.push(message) === 1)
            process.nextTick(flush);
    };
    /** Requests of one turn go out in one piece. */
    const flush = () => {
        const messages = outbox;
        outbox = [];
        if (dead === undefined)
            socket.write(messages.length === 1 ? messages[0] : Buffer.concat(messages));
    };
    /** The answer to the oldest request; or else its reply is missing, and nothing can be believed any more. */
    const answered = (frame) => {
        const { oldest } = pending;
        if (frame.status === Status.unauthorized)
            kill(unauthorized);
        else if (oldest === undefined || oldest.opcode !== frame.opcode || oldest.opaque !== frame.opaque) {
            kill(noReply("the server answered something else"));
        }
        else if (oldest.opcode === Opcode.stat) {
            if (oldest.onReply(frame) === true)
                pending.shift();
        }
        else {
            pending.shift();
            oldest.onReply(frame);
        }
        if (pending.size === 0)
            timer?.unref();
        return dead === undefined;
    };
    const receive = (chunk) => {
        if (dead !== undefined)
            return;
        const garbage = frames.push(chunk, answered);
        if (garbage !== undefined)
            kill(senseless(garbage));
    };
    const senseless = (bytes) => {
        const text = bytes.toString("latin1", 0, 80).replace(/[^\x20-\x7e]+/g, " ").trim();
        const description = `the server sent something that is no reply: ${JSON.stringify(text)}`;
        return waiting === undefined || /too many open connections/i.test(text)
            ? unreachable(description)
            : unsupported(`${description}. It does not speak memcached's binary protocol, which locks need`);
    };
    /** Sends the credentials, if there are any, and greets once the server has taken them or does not ask for any. */
    const login = ({ password, username }) => {
        const ready = () => {
            loggedIn = true;
            clearTimeout(connecting);
            greet();
        };
        if (username === undefined || password === undefined)
            return ready();
        const credentials = Buffer.from(`\0${username}\0${Redacted.value(password)}`).toString("latin1");
        transmit({ opcode: Opcode.login, key: "PLAIN", value: credentials }, ready, () => { });
    };
    /** Asks for the start of the server, and lets the requests go that came meanwhile. */
    const greet = () => {
        const stats = new Map();
        transmit({ opcode: Opcode.stat, key: "" }, ({ key, status, value }) => {
            if (status !== Status.ok) {
                kill(unsupported("the server does not answer STAT, which fencing tokens need"));
            }
            else if (key.length > 0) {
                stats.set(key.toString("latin1"), value.toString("latin1"));
            }
            else {
                startedAt = Number(stats.get("time")) - Number(stats.get("uptime"));
                if (!Number.isSafeInteger(startedAt)) {
                    return kill(unsupported("the server does not say when it started, which fencing tokens need"));
                }
                const ready = waiting ?? [];
                waiting = undefined;
                for (const send of ready)
                    send();
                return true;
            }
        }, () => { });
    };
    // The login is ours, and so is what arrives; memjs would take credentials that it finds in the environment.
    Object.assign(server, { username: undefined, password: undefined, responseHandler: receive });
    server.onError(0, (error) => kill(unreachable(error.message, error)));
    server.sock(false, (connected) => {
        socket = connected;
        socket.setNoDelay(true);
        // What waits for a reply has a timer of its own, so an idle connection need not hold the process.
        socket.unref();
        const ended = () => kill(unreachable("the server closed the connection"));
        socket.once("end", ended);
        socket.once("close", ended);
        login(address);
    });
    const whenReady = (go) => {
        if (waiting === undefined)
            go();
        else
            waiting.push(go);
    };
    return {
        isAlive: () => dead === undefined,
        startedAt: () => startedAt,
        send: (request, onReply, onFault) => whenReady(() => transmit(request, onReply, onFault)),
        request: (request) => Effect.callback((resume) => {
            const go = () => transmit(request, (reply) => resume(Effect.succeed(reply)), (fault) => resume(Effect.fail(fault)));
            whenReady(go);
            return Effect.sync(() => {
                waiting = waiting?.filter((other) => other !== go);
            });
        }),
        close: kill
    };
};
