/** The store: the protocol of `scripts.ts` over a transport. */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { constVoid } from "effect/Function";
import * as Schedule from "effect/Schedule";
import { BackendFailure } from "../../LockError.js";
import { withShortcuts } from "../shortcuts.js";
import { monotonicMillis } from "../time.js";
import { pushLeases, Turn } from "./batch.js";
import * as Failure from "./failure.js";
import * as Keeping from "./keeping.js";
import * as Keys from "./keys.js";
import * as Looking from "./looking.js";
import { Place } from "./place.js";
import * as Recall from "./recall.js";
import * as Reply from "./reply.js";
import * as Scripts from "./scripts.js";
import { Tokens } from "./tokens.js";
import * as Waiting from "./waiting.js";
/** Far beyond any lease, and far below what a server refuses. */
const maxExpires = Duration.days(36_500);
const isWatched = (input) => input.watched === true;
/** The store looks by itself after those who wait: to ask is for trouble, and in case that a look goes wrong for good. */
const retry = Schedule.spaced(Duration.seconds(30)).pipe(Schedule.modifyDelay(({ attempt, duration, input }) => Effect.succeed(input instanceof BackendFailure
    ? Duration.millis(Math.min(250, 10 * 1.5 ** Math.min(attempt, 16)))
    : isWatched(input)
        ? Duration.minutes(5)
        : duration)), Schedule.jittered);
/** Nobody waits for the answer. */
const nobody = { settle: () => { } };
const succeedTrue = Exit.succeed(true);
const succeedFalse = Exit.succeed(false);
const acquired = (micros) => ({ _tag: "Acquired", fencingToken: micros });
/** Whoever is not watched comes when the lease ends, and not all at once. */
const held = ({ restMillis, token, waiters }, watched) => ({
    _tag: "Held",
    ...(token !== undefined && { token }),
    remainingMillis: watched || restMillis === undefined ? restMillis : Waiting.soonAfter(restMillis),
    watched,
    waiters
});
export const make = Effect.fnUntraced(function* (name, transport, prefix, strict, notices) {
    const clock = yield* Clock.Clock;
    const now = () => monotonicMillis(clock);
    const scripts = Scripts.scriptsFor(transport.single, strict);
    const channels = Keys.channelPrefix(prefix);
    const lockKey = (key) => Keys.lockKey(prefix, key);
    /** What a script has that gives out a fencing token. */
    const keysOf = (lock) => strict ? [lock, Keys.queueKey(lock), Keys.fenceKey(lock)] : [lock, Keys.queueKey(lock)];
    const { watch } = transport;
    const tokens = new Tokens();
    // A message tells a time of the clock, which is no token where they are strict.
    const oneClock = transport.oneClock && !strict;
    const waiting = yield* Waiting.make({ ...transport, oneClock }, scripts, prefix, now, notices);
    const recall = yield* Recall.make(transport, scripts, channels);
    const failure = (operation, key, cause) => Failure.make(name, operation, key, cause);
    const looking = Looking.make(transport, scripts, prefix, failure);
    const keeping = Keeping.make(transport, scripts, lockKey, (token) => tokens.shares(token), failure);
    // ---------------------------------------------------------------------------
    // Taking
    // ---------------------------------------------------------------------------
    const tryAcquire = (claim, call) => {
        if (claim.wait || claim.share !== undefined || strict)
            return queue(claim, undefined, call);
        const { expiresMillis, key, token } = claim;
        const known = tokens.claim(token, false);
        known.collected = true;
        turn.attempt({ key, token, lock: lockKey(key), expiresMillis, known, call });
    };
    /** Claims with a place in the queue, by waiting or by exchanging `previous` for it; or to share, which may be without. */
    const queue = (claim, previous, call) => {
        // What has been given back comes before what is asked for after it.
        turn.flush();
        const { expiresMillis, key, share, token, wait } = claim;
        const known = tokens.claim(token, share !== undefined);
        const lock = lockKey(key);
        const place = known.place ??= wait ? new Place(lock, token, expiresMillis, share) : undefined;
        const mode = wait ? waiting.modeOf(token) : 0;
        if (place !== undefined && mode !== 0)
            place.enter(mode);
        const args = [channels, token, expiresMillis, mode, place?.arrival ?? "", place?.stale ?? ""];
        if (previous !== undefined)
            args.push(previous);
        if (share !== undefined) {
            if (previous === undefined)
                args.push(Scripts.nobody);
            args.push(share.permits, share.limit);
        }
        sendClaim(scripts.claim, args, { key, token, lock, known, call }, {
            operation: previous === undefined ? "acquire" : "release",
            heard: ({ holder, micros }) => {
                if (previous !== undefined)
                    tokens.returned(previous);
                if (place?.arrival === "")
                    place.arrival = String(micros);
                return holder !== undefined && place !== undefined && !known.returned &&
                    waiting.settle(place, holder.restMillis);
            }
        });
    };
    /** Takes the lock from `previous` on, without a place in the queue. */
    const transfer = ({ expiresMillis, key, token }, previous, call) => {
        const asked = { key, token, lock: lockKey(key), known: tokens.claim(token, false), call };
        sendClaim(scripts.transfer, [previous, token, expiresMillis], asked, { operation: "acquire", heard: () => false });
    };
    /** Sends a script that replies as a claim does. `heard` says whether somebody looks when the holder's lease ends. */
    const sendClaim = (script, args, { call, key, known, lock, token }, { heard, operation }) => {
        const sentAt = now();
        const keys = keysOf(lock);
        const command = {
            script,
            keys: keys.length,
            args: [...keys, ...args],
            sent: false,
            succeed: (reply) => {
                const claimed = Reply.claimed(reply);
                if (claimed === undefined)
                    return command.fail(Reply.notUnderstood(reply));
                const { holder, micros } = claimed;
                waiting.observe(sentAt, micros);
                const watched = heard(claimed);
                const attempt = holder === undefined ? acquired(micros) : held(holder, watched);
                call.settle(Exit.succeed(tokens.answered(key, token, known, attempt)));
                settleDebts();
            },
            fail: (cause) => {
                tokens.unanswered(token, known, command.sent);
                call.settle(Exit.fail(failure(operation, key, cause)));
            }
        };
        transport.send(command);
    };
    // ---------------------------------------------------------------------------
    // Giving back
    // ---------------------------------------------------------------------------
    const giveBack = (asked) => {
        const { call, key, lock, token } = asked;
        const known = tokens.get(token);
        // What was asked for first must be executed first.
        if (known?.collected)
            turn.flush();
        // Whose token it is that we do not know may share, or wait elsewhere.
        if (known !== undefined && known.place === undefined && !known.shares)
            return turn.release(asked);
        waiting.leave(token);
        const command = {
            script: scripts.withdraw,
            keys: 2,
            args: [lock, Keys.queueKey(lock), channels, token, ...known?.place?.entries ?? []],
            sent: false,
            succeed: (reply) => {
                const among = Reply.among(reply, 1);
                if (among === undefined)
                    return command.fail(Reply.notUnderstood(reply));
                tokens.returned(token);
                if (among.handed.length > 0)
                    recall.add(lock);
                call.settle(among.others.size === 0 ? succeedTrue : succeedFalse);
                settleDebts();
            },
            fail: (cause) => call.settle(unreleased(key, token, cause))
        };
        transport.send(command);
    };
    /** The token is somebody else's. What is left of it in a queue, by a claim or a look that came late, would be given the lock. */
    const forget = (key, token) => {
        const entries = tokens.get(token)?.place?.entries ?? [];
        waiting.leave(token);
        tokens.drop(token);
        if (entries.length === 0)
            return;
        const args = [Keys.queueKey(lockKey(key)), ...entries];
        transport.send({ script: "ZREM", keys: 1, args, sent: false, succeed: constVoid, fail: constVoid });
    };
    const release = (key, token, call) => giveBack({ key, lock: lockKey(key), token, call });
    const unreleased = (key, token, cause) => {
        const failed = failure("release", key, cause);
        if (failed.kind === "Unreachable" || failed.kind === "NoReply")
            tokens.owe(token, key);
        return Exit.fail(failed);
    };
    /** Whenever the server answers. */
    const settleDebts = () => {
        for (const [token, key] of tokens.takeDebts())
            giveBack({ key, lock: lockKey(key), token, call: nobody });
    };
    // ---------------------------------------------------------------------------
    // Many at once
    // ---------------------------------------------------------------------------
    /**
     * One script for many locks. What the server refuses for the sake of one of
     * them it may do for the others, so each is then asked for by itself.
     */
    const together = ({ attempts, releases }) => {
        for (const { known } of attempts)
            known.collected = false;
        const sentAt = now();
        const command = {
            script: releases.length === 0 ? scripts.attempt : attempts.length === 0 ? scripts.release : scripts.turn,
            keys: 2 * releases.length + attempts.length,
            args: argsOf(attempts, releases),
            sent: false,
            succeed: (reply) => {
                turn.land();
                const [first, second] = attempts.length > 0 && releases.length > 0 ? Reply.pair(reply) : [reply, reply];
                const among = releases.length === 0 ? Reply.allOurs : Reply.among(first, releases.length);
                const attempted = attempts.length === 0 ? Reply.noneAttempted : Reply.attempted(second, attempts.length);
                if (among === undefined || attempted === undefined)
                    return refuse(Reply.notUnderstood(reply));
                released(releases, among);
                if (attempts.length > 0)
                    answered(attempts, attempted, sentAt);
                settleDebts();
            },
            fail: (cause) => {
                turn.land();
                refuse(cause);
            }
        };
        const refuse = (cause) => {
            if (attempts.length + releases.length > 1 && Failure.isRefusal(cause)) {
                for (const one of releases)
                    together({ attempts: [], releases: [one] });
                for (const one of attempts)
                    together({ attempts: [one], releases: [] });
                return;
            }
            for (const { call, key, token } of releases)
                call.settle(unreleased(key, token, cause));
            for (const { call, key, known, token } of attempts) {
                tokens.unanswered(token, known, command.sent);
                call.settle(Exit.fail(failure("acquire", key, cause)));
            }
        };
        turn.start();
        transport.send(command);
    };
    const turn = new Turn(transport.single, together);
    const argsOf = (attempts, releases) => {
        const args = [];
        for (const { lock } of releases)
            args.push(lock, Keys.queueKey(lock));
        for (const { lock } of attempts)
            args.push(lock);
        if (releases.length > 0)
            args.push(channels);
        if (releases.length > 0 && attempts.length > 0)
            args.push(releases.length);
        for (const { token } of releases)
            args.push(token);
        for (const { token } of attempts)
            args.push(token);
        if (attempts.length > 0)
            pushLeases(args, attempts);
        return args;
    };
    const answered = (attempts, { micros, refused }, sentAt) => {
        waiting.observe(sentAt, micros);
        for (let i = 0; i < attempts.length; i++) {
            const { call, key, known, token } = attempts[i];
            const holder = refused.get(i);
            if (holder === null) {
                tokens.unanswered(token, known, false);
                call.settle(Exit.fail(failure("acquire", key, Failure.notALock)));
            }
            else {
                const attempt = holder === undefined ? acquired(micros) : held(holder, false);
                call.settle(Exit.succeed(tokens.answered(key, token, known, attempt)));
            }
        }
    };
    const released = (releases, { handed, others }) => {
        for (const i of handed)
            recall.add(releases[i].lock);
        for (let i = 0; i < releases.length; i++) {
            tokens.returned(releases[i].token);
            releases[i].call.settle(others.has(i) ? succeedFalse : succeedTrue);
        }
    };
    transport.observe({ ready: settleDebts, reset: () => { } });
    const store = {
        name,
        tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
        extend: keeping.extend,
        release: (key, token) => Effect.callback((resume) => release(key, token, { settle: resume })),
        inspect: looking.inspect,
        transfer: (token, claim) => Effect.callback((resume) => transfer(claim, token, { settle: resume })),
        forget,
        shares: true,
        holders: looking.holders,
        ...(looking.list !== undefined && { list: looking.list }),
        listen: waiting.listen,
        watch: watch &&
            ((key, notify) => Effect.acquireRelease(Effect.sync(() => watch(lockKey(key), notify)), (end) => Effect.sync(end))),
        exchange: (token, claim) => Effect.callback((resume) => queue(claim, token, { settle: resume })),
        retry,
        maxExpires,
        handOver: { times: Scripts.fencesHandedOver, within: Duration.millis(10) },
        observe: notices.observe
    };
    // One node of a cluster that is down must not keep the leases of the others from being renewed.
    return withShortcuts(transport.single ? { ...store, extendAll: keeping.extendAll } : store, {
        callbacks: { tryAcquire, release }
    });
});
