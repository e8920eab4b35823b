/** A backend from a store: its parts, what it is asked for, and its end. */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { constVoid } from "effect/Function";
import * as LogLevel from "effect/LogLevel";
import * as Option from "effect/Option";
import * as References from "effect/References";
import { LockConfig } from "../../LockConfig.js";
import { failWith } from "../failing.js";
import { toHolder } from "../holder.js";
import { meterOf } from "../meter.js";
import * as Reentry from "../reentry.js";
import * as Section from "../section.js";
import { nextTurn, timeOf } from "../time.js";
import * as Token from "../token.js";
import { adopt } from "./adopting.js";
import { Alarms } from "./alarms.js";
import { Debts } from "./debts.js";
import { Journal } from "./journal.js";
import { Keeper } from "./keeper.js";
import * as KeyMap from "./keyMap.js";
import { Lease } from "./lease.js";
import { Counter } from "./lender.js";
import { Line } from "./line.js";
import { Port } from "./port.js";
import { Sharing } from "./sharing.js";
import { take } from "./taking.js";
export class Engine {
    port;
    debts;
    keeper;
    journal;
    time;
    lines;
    counter;
    sharing;
    owner;
    nextToken;
    closed = false;
    unwatch;
    unobserve;
    uncount;
    constructor(store, context) {
        const time = timeOf(Context.get(context, Clock.Clock));
        const soon = nextTurn(context);
        const meter = meterOf(store.name, context);
        this.time = time;
        this.journal = new Journal(meter);
        this.owner = Context.get(context, LockConfig).owner;
        this.nextToken = Token.make(() => time.wallMillis(), this.owner);
        this.port = new Port(store, context, new Alarms(time, Effect.runForkWith(context), soon), soon, this.journal);
        this.debts = new Debts(this.port, (failure) => this.releaseFailed(failure));
        this.keeper = new Keeper(this.port, time, meter);
        this.lines = KeyMap.make((key) => new Line(this, this.lines, key), soon);
        this.counter = new Counter(this);
        this.sharing = new Sharing(this, (key) => this.lines.get(key));
        this.unwatch = meter.watch(() => this.gauges);
        this.uncount = this.port.direct?.count((key) => this.lines.get(key)?.untold ?? 0);
        this.unobserve = store.observe?.({
            down: (failure) => this.port.down(failure),
            up: () => this.port.up(),
            polling: (reason) => this.polling(reason),
            told: () => this.polling(undefined)
        });
        if (LogLevel.isLessThanOrEqualTo(Context.get(context, References.MinimumLogLevel), "Debug"))
            this.logAll();
    }
    get isInProcess() {
        return this.port.direct !== undefined;
    }
    get name() {
        return this.port.store.name;
    }
    /** A lock's life, line by line. What happens to the backend is always logged. */
    logAll() {
        this.journal.listen((event) => {
            if (!("key" in event))
                return;
            const { _tag, key, ...more } = event;
            this.port.log(Effect.logDebug(`Lock ${_tag}`, more), key);
        }, constVoid);
    }
    polling(reason) {
        const { journal, name, port } = this;
        journal.polling(reason);
        port.log(reason === undefined
            ? Effect.logInfo("Those who wait for locks are told again")
            : Effect.logWarning(`Those who wait for locks poll, because the ${name} lock backend cannot tell them: ${reason}`));
    }
    get gauges() {
        const waiters = this.lines.values().reduce((sum, { waiting }) => sum + waiting, 0);
        return { held: this.keeper.size + this.sharing.surplus, waiters, isConnected: !this.journal.isTroubled };
    }
    releaseFailed(failure) {
        this.journal.meter.failedReleases++;
        // A backend in trouble has said so itself; this is about the one lock.
        if (failure?.retryable !== false)
            return;
        this.port.log(Effect.logWarning("A lock could not be released; that is tried until its lease has ended", failure), failure.key);
    }
    // ---------------------------------------------------------------------------
    // Taking
    // ---------------------------------------------------------------------------
    take(request, caller, restore) {
        return take(this, request, caller, restore);
    }
    adopt(token, request, caller, restore) {
        return adopt(this, token, request, caller, restore);
    }
    refused(request, waitedMillis) {
        this.journal.timedOut(request, waitedMillis);
    }
    isHeldBy(key, fiber) {
        return Reentry.find(fiber, this, key) !== undefined;
    }
    holderOf(key) {
        const { port } = this;
        const looked = port.direct?.look(key, port.alarms.now());
        return looked && { token: looked.bearer.token, remainingMillis: looked.remainingMillis };
    }
    /** Those that this process has of a key. */
    leasesOf(key) {
        const { port } = this;
        const bearer = port.direct?.look(key, port.alarms.now())?.bearer;
        const alone = bearer instanceof Lease ? bearer : this.lines.get(key)?.lease;
        return [...(alone === undefined ? [] : [alone]), ...this.sharing.all().filter((lease) => lease.key === key)];
    }
    // ---------------------------------------------------------------------------
    // For operators
    // ---------------------------------------------------------------------------
    inspect(key) {
        const { port } = this;
        return Effect.catch(Effect.map(port.await(() => port.inspect(key)), Option.map(toHolder)), (failure) => failWith(failure));
    }
    holders(key) {
        const { port } = this;
        return Effect.catch(Effect.map(port.await(() => port.holders(key)), (holders) => holders.map(toHolder)), (failure) => failWith(failure));
    }
    list(prefix, from) {
        const { port } = this;
        return Effect.matchEffect(port.await(() => port.list(prefix, from)), {
            onFailure: (failure) => failWith(failure),
            onSuccess: ({ locks, next }) => Effect.succeed({ locks: locks.map((listed) => ({ key: listed.key, holder: toHolder(listed) })), next })
        });
    }
    listen(hear, end) {
        return this.journal.listen(hear, end);
    }
    /**
     * The processes that were seen lose the key, or the one whose token was given: also
     * a holder that it has handed its lease on to since.
     */
    forceRelease(key, token) {
        return Effect.flatMap(this.holders(key), (holders) => {
            const seen = holders.filter((holder) => token === undefined || holder.token === token);
            const released = Effect.forEach(seen, (holder) => this.remove(key, holder.token), { concurrency: "unbounded" });
            return Effect.map(released, (removed) => removed.includes(true));
        });
    }
    watch(key, notify) {
        const { port } = this;
        return Effect.asVoid(Effect.acquireRelease(Effect.sync(() => port.watch(key, notify)), (watching) => Effect.sync(() => watching && port.endListening(watching))));
    }
    remove(key, token) {
        const { port } = this;
        const before = this.leasesOf(key);
        return Effect.matchEffect(port.await(() => port.release(key, token)), {
            onFailure: (failure) => failWith(failure),
            onSuccess: (released) => {
                // A holder in this process is told at once.
                for (const lease of [...before, ...this.leasesOf(key)]) {
                    if (lease.token === token)
                        lease.lose("Taken", port.alarms.now());
                }
                return Effect.succeed(released);
            }
        });
    }
    // ---------------------------------------------------------------------------
    // Its end
    // ---------------------------------------------------------------------------
    /**
     * Fails the waiters, tells the holders, and frees the keys: each when the work
     * under it has ended, or at its deadline.
     */
    get close() {
        return Effect.gen({ self: this }, function* () {
            if (this.closed)
                return;
            this.closed = true;
            const { debts, keeper, lines, port, sharing } = this;
            const { alarms } = port;
            const now = alarms.now();
            const open = lines.values();
            const kept = keeper.all().filter((lease) => !sharing.isCommon(lease));
            const held = new Set([...kept, ...sharing.all(), ...open.flatMap(({ lease }) => lease ?? [])]);
            for (const line of open)
                line.close();
            for (const lease of held)
                lease.lose("Closed", now);
            yield* this.allBack(held);
            // Those who were on their way with a turn have yet to say so.
            for (let turns = 0; lines.size() > 0 && turns < 100; turns++)
                yield* Effect.yieldNow;
            yield* port.ending;
            yield* port.idle(alarms.now() + port.patience);
            debts.askAll();
            yield* port.idle(alarms.now() + port.patience);
            port.close();
            debts.forgetAll();
            alarms.stop();
            this.unwatch();
            this.unobserve?.();
            this.uncount?.();
            this.journal.close();
        });
    }
    /** Until every lease is back, or its deadline has passed. */
    allBack(leases) {
        return Effect.callback((resume) => {
            const { alarms } = this.port;
            const out = new Set(leases);
            const alarm = { index: -1, ring: () => look() };
            const look = () => {
                alarms.cancel(alarm);
                const now = alarms.now();
                for (const lease of Array.from(out)) {
                    if (!lease.isBack && lease.deadline > now)
                        continue;
                    out.delete(lease);
                    lease.whenBack(constVoid);
                    lease.giveBack();
                }
                if (out.size === 0)
                    return resume(Effect.void);
                alarms.set(alarm, Math.min(...Array.from(out, ({ deadline }) => deadline)));
            };
            for (const lease of out)
                lease.whenBack(look);
            look();
        });
    }
    /** How much there is of what should be gone when nobody holds or waits. */
    get residue() {
        const { debts, keeper, lines, port } = this;
        return { lines: lines.size(), kept: keeper.size, alarms: port.alarms.size, calls: port.size + debts.size };
    }
}
export const makeEngine = (store, context) => new Engine(store, context);
/** The backend of a store, which closes with the scope. */
export const make = (store) => Effect.map(Effect.acquireRelease(Effect.map(Effect.context(), (context) => makeEngine(store, context)), (engine) => engine.close), Section.make);
