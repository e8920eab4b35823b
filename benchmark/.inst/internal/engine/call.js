export class Call {
    index = -1;
    place = -1;
    reply = undefined;
    /** What runs it, unless the store calls back. */
    fiber = undefined;
    operation;
    key;
    book;
    waiter = undefined;
    /** The first, which is mostly the only one; and the others. */
    observer = undefined;
    others = undefined;
    constructor(book, operation, key) {
        this.book = book;
        this.operation = operation;
        this.key = key;
    }
    /** Once; what comes later changes nothing. */
    settle(reply) {
        if (this.reply !== undefined)
            return;
        this.reply = reply;
        this.fiber = undefined;
        this.book.ended(this);
        const { observer, others } = this;
        this.observer = this.others = undefined;
        observer?.(reply);
        if (others !== undefined) {
            for (const other of others)
                other(reply);
        }
        this.end(reply);
    }
    /** Calls `observer` with the reply, whenever it comes. */
    onReply(observer) {
        if (this.reply !== undefined)
            observer(this.reply);
        else if (this.observer === undefined)
            this.observer = observer;
        else if (this.others === undefined)
            this.others = [observer];
        else
            this.others.push(observer);
    }
    /** Calls `waiter`, the only one, with the reply, or with nothing if there is none by `until`. */
    wait(until, waiter) {
        if (this.reply !== undefined)
            return waiter(this.reply);
        this.waiter = waiter;
        this.book.alarms.set(this, until);
    }
    get isAwaited() {
        return this.waiter !== undefined;
    }
    /** Nobody waits for it any more. */
    leave() {
        this.waiter = undefined;
        this.book.alarms.cancel(this);
        if (this.reply === undefined)
            this.book.left(this);
    }
    /**
     * Silence, unless the reply has arrived while the event loop was late: one turn
     * for it to be read, and one for those that its reader has put off.
     */
    ring() {
        this.book.soon(() => this.book.soon(() => {
            if (this.waiter === undefined)
                return;
            if (this.reply === undefined)
                this.book.unanswered(this);
            this.end(undefined);
        }));
    }
    end(reply) {
        const { waiter } = this;
        if (waiter === undefined)
            return;
        this.leave();
        waiter(reply);
    }
}
