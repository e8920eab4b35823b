/**
 * The protocol: a lock is an item whose value is the token of its holder, and
 * the tokens that wait.
 *
 * To take it is an ADD, to extend it a REPLACE and to release it a DELETE, the
 * last two with the item's CAS, so that each is one atomic command. The CAS is
 * the one that the last command of ours returned on the same link; without it
 * the item is read first, and the token compared.
 *
 * Who waits adds itself to the item. If somebody waits, a release is a REPLACE
 * by an item without a holder, which keeps the place of the first waiter for a
 * moment. The first takes it by a REPLACE with its CAS. Nobody holds such an
 * item, so it does no harm when another takes it, as happens when the first one
 * does not come, or when memcached forgets it.
 */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { BackendFailure } from "../../LockError.js";
import { EndingMap } from "../endingMap.js";
import { withShortcuts } from "../shortcuts.js";
import { monotonicMillis } from "../time.js";
import * as Content from "./content.js";
import { statusFault } from "./link.js";
import { pin } from "./pin.js";
import { retry, watch } from "./watching.js";
import * as Wire from "./wire.js";
const name = "memcached";
const closed = { kind: "Closed", retryable: false, description: "the backend has been closed" };
const casMissing = {
    kind: "Unsupported",
    retryable: false,
    description: "the server runs without CAS (-C), and a lock could not be released safely"
};
const foreign = {
    kind: "WrongType",
    retryable: false,
    description: "something that is no lock lives at the key"
};
const restless = { kind: "Unknown", retryable: true, description: "the item kept changing" };
const tooLong = {
    kind: "Unsupported",
    retryable: false,
    description: "memcached cannot keep a lock for more than 29 days"
};
const timeUnfit = {
    kind: "Unsupported",
    retryable: false,
    description: "the clock of the server is not between 2020 and 2055, which fencing tokens need"
};
/** How often an operation starts over because the item changed between two of its commands. */
const rounds = 5;
/** The expiry of an item without a holder, in memcached's seconds: 1 to 2, rarely less. */
const vacantSeconds = 2;
/** Whoever is next and has not come after this long is passed over, and all before the one who notices. */
const silenceMillis = 300;
/** What a pause between two looks counts at most: in a longer one it was us who did not run. */
const longestPause = 100;
/** 2020-01-01, in Unix seconds. */
const epoch = 1_577_836_800;
const handOverTimes = 8;
/** See `MemcacheBackend` for what this promises. */
export const fencingToken = (startedAt, cas) => ((startedAt - epoch) * 1_000_000 + Number(cas)) * handOverTimes;
/** The item of a holder. */
const write = (opcode, key, { expiresMillis, token }, clock, waiters = [], cas) => ({
    opcode,
    key,
    exptime: Wire.exptime(expiresMillis),
    value: Content.encode(token, clock.currentTimeMillisUnsafe() + expiresMillis, waiters),
    cas
});
/** Gives an item up: to those who wait, if there are any. */
const vacate = (key, { cas, waiters }, clock) => waiters.length === 0
    ? { opcode: Wire.Opcode.delete, key, cas }
    : {
        opcode: Wire.Opcode.replace,
        key,
        exptime: vacantSeconds,
        value: Content.encode(undefined, clock.currentTimeMillisUnsafe(), waiters),
        cas
    };
/** Who has it, or is next. */
const occupant = ({ time, token, waiters }, clock) => {
    const remaining = token === undefined ? 0 : time - clock.currentTimeMillisUnsafe();
    // The item outlives the lease by up to three seconds, and nobody knows exactly by how much.
    return {
        token: token ?? waiters[0],
        remainingMillis: remaining > 0 ? remaining : undefined,
        waiters: waiters.length
    };
};
export const make = Effect.fnUntraced(function* (options) {
    const scope = yield* Effect.scope;
    const fork = Effect.runForkWith(yield* Effect.context());
    const clock = yield* Clock.Clock;
    const connections = new Map();
    /** Tokens with a claim on its way that nobody waits for any more. */
    const stray = new EndingMap();
    /** Items without a holder that we have seen. */
    const vacancies = new EndingMap();
    /** Tokens that look at their item, and so need not try to ADD it. */
    const watching = new Set();
    let isClosed = false;
    yield* Effect.addFinalizer(() => Effect.sync(() => {
        isClosed = true;
        for (const { link } of connections.values())
            link.close(closed);
        connections.clear();
    }));
    const now = () => monotonicMillis(clock);
    /** The live connection to the server of a key, or a new one. */
    const connectionOf = (itemKey) => {
        const server = pin(options.servers, itemKey);
        let connection = connections.get(server.name);
        if (connection === undefined || !connection.link.isAlive()) {
            connection = { link: server.open(), hints: new EndingMap() };
            connections.set(server.name, connection);
        }
        return connection;
    };
    const toFailure = (operation, key) => ({ cause, description, kind, retryable }) => new BackendFailure({ backend: name, operation, key, kind, retryable, description, cause });
    /** Runs an operation on the connection of a key. */
    const on = (operation, key, body) => Effect.mapError(Effect.suspend(() => {
        if (isClosed)
            return Effect.fail(closed);
        const itemKey = Wire.encodeKey(options.keyPrefix, key);
        return body(connectionOf(itemKey), itemKey);
    }), toFailure(operation, key));
    /** What is usual needs no more than a reply; the rest is on a fiber. */
    const conclude = (effect, done) => {
        if (Exit.isExit(effect))
            done(effect);
        else
            fork(effect).addObserver(done);
    };
    const remember = ({ hints }, cas, waiters, { expiresMillis, token }) => {
        const at = now();
        hints.set(token, { cas, waiters, endsAt: at + expiresMillis }, at);
    };
    const itemOf = (reply) => {
        if (reply.status === Wire.Status.notFound)
            return Exit.succeed(undefined);
        if (reply.status !== Wire.Status.ok)
            return Exit.fail(statusFault(reply));
        // As a condition a CAS of 0 means none.
        if (reply.cas === 0n)
            return Exit.fail(casMissing);
        return Exit.succeed({ content: Content.decode(reply.value), cas: reply.cas });
    };
    const read = ({ link }, key) => Effect.flatMap(link.request({ opcode: Wire.Opcode.get, key }), itemOf);
    /**
     * Whether a token may take an item that nobody holds: when it is next, or those
     * who are before it have not come for so long that they are taken to be gone.
     */
    const mayTake = (key, { time, waiters }, token) => {
        const place = waiters.indexOf(token);
        if (place === 0 || waiters.length === 0)
            return true;
        const at = now();
        const mark = `${time} ${waiters[0]}`;
        const seen = vacancies.get(key);
        const silentMillis = seen?.mark === mark ? seen.silentMillis + Math.min(at - seen.lookedAt, longestPause) : 0;
        vacancies.set(key, { mark, lookedAt: at, silentMillis, endsAt: at + 10 * silenceMillis }, at);
        // The nearest notices first.
        return silentMillis >= silenceMillis + 20 * Math.min(place < 0 ? 10 : place, 10);
    };
    // ---------------------------------------------------------------------------
    // Taking
    // ---------------------------------------------------------------------------
    const acquired = (connection, claim, cas, waiters) => {
        if (cas === 0n)
            return Effect.fail(casMissing);
        remember(connection, cas, waiters, claim);
        const token = fencingToken(connection.link.startedAt(), cas);
        return token > 0 && Number.isSafeInteger(token + handOverTimes)
            ? Effect.succeed({ _tag: "Acquired", fencingToken: token })
            : Effect.fail(timeUnfit);
    };
    const add = (connection, key, claim, round) => Effect.flatMap(connection.link.request(write(Wire.Opcode.add, key, claim, clock)), (reply) => added(connection, key, claim, round, reply));
    /** What comes of the reply to an ADD. */
    const added = (connection, key, claim, round, reply) => {
        if (reply.status === Wire.Status.ok)
            return acquired(connection, claim, reply.cas, []);
        switch (reply.status) {
            case Wire.Status.exists:
                return look(connection, key, claim, round);
            // The memory is asked for before the item is looked for.
            case Wire.Status.outOfMemory:
                return look(connection, key, claim, round, Effect.fail(statusFault(reply)));
            default:
                return Effect.fail(statusFault(reply));
        }
    };
    const again = (connection, key, claim, round) => 
    // Somebody else had it at each look.
    round < rounds ? add(connection, key, claim, round + 1) : Effect.succeed({ _tag: "Held" });
    /** Reads who has the item, and takes it or joins the queue; without an item it is added, unless we know better. */
    const look = (connection, key, claim, round, absent = Effect.suspend(() => again(connection, key, claim, round))) => Effect.flatMap(read(connection, key), (item) => {
        if (item === undefined)
            return absent;
        const { cas, content } = item;
        if (content === undefined)
            return Effect.fail(foreign);
        const { full, token, waiters } = content;
        // An earlier claim of ours worked, and the lease began back then: it is made anew.
        if (token === claim.token)
            return take(connection, key, claim, { cas, waiters }, round);
        if (token === undefined && mayTake(key, content, claim.token)) {
            const place = waiters.indexOf(claim.token);
            return take(connection, key, claim, { cas, waiters: waiters.slice(Math.max(place, 0) + 1) }, round);
        }
        return claim.wait && !full && !waiters.includes(claim.token)
            ? join(connection, key, claim, item.cas, content, round)
            : Effect.succeed({ _tag: "Held", ...occupant(content, clock) });
    });
    /** Makes an item that is there the claim's. */
    const take = (connection, key, claim, own, round) => {
        const { cas, waiters } = own;
        return Effect.flatMap(connection.link.request(write(Wire.Opcode.replace, key, claim, clock, waiters, cas)), (reply) => {
            switch (reply.status) {
                case Wire.Status.ok:
                    return acquired(connection, claim, reply.cas, waiters);
                case Wire.Status.exists:
                case Wire.Status.notFound:
                    return again(connection, key, claim, round);
                default:
                    return Effect.fail(statusFault(reply));
            }
        });
    };
    /** Makes the item of another token the claim's, with all who wait. */
    const transfer = (connection, key, from, claim, round) => Effect.flatMap(read(connection, key), (item) => {
        if (item === undefined)
            return Effect.succeed({ _tag: "Held" });
        const { cas, content } = item;
        if (content === undefined)
            return Effect.fail(foreign);
        const { token, waiters } = content;
        if (token === undefined || (token !== from && token !== claim.token)) {
            return Effect.succeed({ _tag: "Held", ...occupant(content, clock) });
        }
        return Effect.flatMap(connection.link.request(write(Wire.Opcode.replace, key, claim, clock, waiters, cas)), (reply) => {
            if (reply.status === Wire.Status.ok)
                return acquired(connection, claim, reply.cas, waiters);
            const hasChanged = reply.status === Wire.Status.exists || reply.status === Wire.Status.notFound;
            if (!hasChanged)
                return Effect.fail(statusFault(reply));
            return round < rounds ? transfer(connection, key, from, claim, round + 1) : Effect.fail(restless);
        });
    });
    /** Adds the claim to those who wait. Without a place among them it is still a claim. */
    const join = (connection, key, claim, cas, content, round) => Effect.flatMap(connection.link.request({ opcode: Wire.Opcode.append, key, value: Content.joining(claim.token), cas }), (reply) => reply.status === Wire.Status.exists || reply.status === Wire.Status.notStored
        ? again(connection, key, claim, round)
        : Effect.succeed({ _tag: "Held", ...occupant(content, clock) }));
    /** What was sent may still be executed. */
    const mayStray = ({ expiresMillis, token }, fault) => {
        const at = now();
        if (fault.sent)
            stray.set(token, { endsAt: at + expiresMillis }, at);
    };
    const tryAcquire = (claim, call) => {
        const done = (exit) => {
            const fault = Exit.findErrorOption(exit);
            if (fault._tag === "Some")
                mayStray(claim, fault.value);
            call.settle(Exit.mapError(exit, toFailure("acquire", claim.key)));
        };
        if (isClosed)
            return done(Exit.fail(closed));
        if (claim.expiresMillis > Wire.maxExpiresMillis)
            return done(Exit.fail(tooLong));
        const key = Wire.encodeKey(options.keyPrefix, claim.key);
        const connection = connectionOf(key);
        if (watching.has(claim.token))
            return conclude(look(connection, key, claim, 1), done);
        connection.link.send(write(Wire.Opcode.add, key, claim, clock), (reply) => conclude(added(connection, key, claim, 1, reply), done), (fault) => done(Exit.fail(fault)));
    };
    const listen = (key, token, notify) => Effect.suspend(() => {
        const itemKey = Wire.encodeKey(options.keyPrefix, key);
        const sightOf = (item) => {
            if (item?.content === undefined)
                return { open: true, mark: "", ahead: 0 };
            const { content } = item;
            const place = content.waiters.indexOf(token);
            return {
                open: (content.token === undefined && mayTake(itemKey, content, token)) || (place < 0 && !content.full),
                mark: content.token ?? `${content.time}`,
                ahead: place < 0 ? content.waiters.length : place
            };
        };
        const sight = Effect.suspend(() => Effect.map(read(connectionOf(itemKey), itemKey), sightOf));
        watching.add(token);
        return Effect.andThen(Effect.addFinalizer(() => Effect.sync(() => watching.delete(token))), Effect.asVoid(Effect.forkScoped(watch(Effect.option(sight), () => notify(undefined)))));
    });
    /** Runs it as long as the item is the token's. */
    const onOwn = (on, round = 1) => {
        const { connection: { hints, link }, done, key, token } = on;
        const hint = hints.get(token);
        if (hint !== undefined)
            return commanded(on, hint, round);
        const failed = (fault) => done(Exit.fail(fault));
        link.send({ opcode: Wire.Opcode.get, key }, (reply) => {
            const exit = itemOf(reply);
            if (exit._tag === "Failure")
                return done(Exit.failCause(exit.cause));
            const item = exit.value;
            if (item?.content?.token === token)
                return commanded(on, { cas: item.cas, waiters: item.content.waiters }, round);
            const request = item && on.other?.(item);
            if (request === undefined)
                return done(Exit.succeed(false));
            link.send(request, ({ status }) => status === Wire.Status.exists && round < rounds ? onOwn(on, round + 1) : done(Exit.succeed(false)), failed);
        }, failed);
    };
    const commanded = (on, own, round) => on.connection.link.send(on.command(own), (reply) => answered(on, own, round, reply), (fault) => on.done(Exit.fail(fault)));
    const answered = (on, own, round, reply) => {
        on.connection.hints.delete(on.token);
        switch (reply.status) {
            case Wire.Status.ok:
                on.settled?.(reply.cas, own);
                return on.done(Exit.succeed(true));
            case Wire.Status.notFound:
                return on.done(Exit.succeed(false));
            case Wire.Status.exists:
                return round < rounds ? onOwn(on, round + 1) : on.done(Exit.fail(restless));
            case Wire.Status.outOfMemory:
                if (on.full !== undefined)
                    return commanded({ ...on, command: on.full, full: undefined }, own, round);
        }
        on.done(Exit.fail(statusFault(reply)));
    };
    const extend = (holding, call) => {
        const { expiresMillis, key, token } = holding;
        const done = (exit) => call.settle(Exit.mapError(exit, toFailure("extend", key)));
        if (isClosed)
            return done(Exit.fail(closed));
        if (expiresMillis > Wire.maxExpiresMillis)
            return done(Exit.fail(tooLong));
        const itemKey = Wire.encodeKey(options.keyPrefix, key);
        const connection = connectionOf(itemKey);
        onOwn({
            connection,
            key: itemKey,
            token,
            command: ({ cas, waiters }) => write(Wire.Opcode.replace, itemKey, holding, clock, waiters, cas),
            settled: (cas, { waiters }) => remember(connection, cas, waiters, holding),
            done
        });
    };
    /** Takes a token that only waits out of the queue. */
    const withdraw = (key, token) => ({ cas, content }) => {
        if (content === undefined || !content.waiters.includes(token))
            return undefined;
        // The place that is kept for it is kept for the next one from now on.
        if (content.token === undefined && content.waiters[0] === token) {
            return vacate(key, { cas, waiters: content.waiters.slice(1) }, clock);
        }
        return { opcode: Wire.Opcode.append, key, value: Content.leaving(token), cas };
    };
    const release = (key, token, call) => {
        const late = stray.delete(token);
        const done = (exit) => {
            if (late)
                fork(sweep(key, token));
            call.settle(Exit.mapError(exit, toFailure("release", key)));
        };
        if (isClosed)
            return done(Exit.fail(closed));
        const itemKey = Wire.encodeKey(options.keyPrefix, key);
        onOwn({
            connection: connectionOf(itemKey),
            key: itemKey,
            token,
            command: (own) => vacate(itemKey, own, clock),
            full: ({ cas }) => vacate(itemKey, { cas, waiters: [] }, clock),
            other: withdraw(itemKey, token),
            done
        });
    };
    const releasing = (key, token) => Effect.callback((resume) => release(key, token, { settle: resume }));
    /** Looks again some times, for a claim that arrives after the release. */
    const sweep = (key, token) => Effect.ignore(releasing(key, token)).pipe(Effect.delay(options.requestMillis), Effect.repeat({ times: 2 }), Effect.forkIn(scope));
    return withShortcuts({
        name,
        maxExpires: Duration.millis(Wire.maxExpiresMillis),
        // To connect, and at most three requests: ADD, GET and REPLACE.
        patience: Duration.millis(options.connectMillis + 3 * options.requestMillis),
        retry,
        listen,
        handOver: { times: handOverTimes, within: Duration.millis(100) },
        tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
        release: releasing,
        transfer: (from, claim) => on("acquire", claim.key, (connection, key) => claim.expiresMillis > Wire.maxExpiresMillis
            ? Effect.fail(tooLong)
            : Effect.tapError(transfer(connection, key, from, claim, 1), (fault) => Effect.sync(() => mayStray(claim, fault)))),
        extend: (holding) => Effect.callback((resume) => extend(holding, { settle: resume })),
        inspect: (key) => on("inspect", key, (connection, itemKey) => Effect.flatMap(read(connection, itemKey), (item) => {
            if (item === undefined)
                return Effect.succeedNone;
            const { content } = item;
            if (content === undefined)
                return Effect.fail(foreign);
            const { token } = content;
            return token === undefined ? Effect.succeedNone : Effect.succeedSome({ ...occupant(content, clock), token });
        }))
    }, { callbacks: { tryAcquire, release, extend } });
});
