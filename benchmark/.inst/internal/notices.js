/** Those who wait are told by a connection of its own, and one that is missing for no longer is not worth a word. */
const briefMillis = 1000;
const wordsOf = (cause) => cause instanceof Error ? cause.message : String(cause);
export class Notices {
    observers = [];
    isDown = false;
    /** Why those who wait poll, once that has lasted. */
    polls = undefined;
    cause;
    timer;
    observe = (observer) => {
        this.observers = [...this.observers, observer];
        if (this.polls !== undefined)
            observer.polling(this.polls);
        return () => {
            this.observers = this.observers.filter((other) => other !== observer);
        };
    };
    down(failure) {
        this.isDown = true;
        for (const { down } of this.observers)
            down(failure);
    }
    up() {
        this.isDown = false;
        for (const { up } of this.observers)
            up();
    }
    polling(cause) {
        this.cause = cause;
        if (this.polls !== undefined)
            return;
        this.timer ??= setTimeout(() => {
            this.timer = undefined;
            // Nothing is told by a server that is not there, which is known already.
            if (this.isDown)
                return;
            const reason = this.polls = wordsOf(this.cause);
            for (const { polling } of this.observers)
                polling(reason);
        }, briefMillis);
        this.timer.unref?.();
    }
    told() {
        this.close();
        if (this.polls === undefined)
            return;
        this.polls = undefined;
        for (const { told } of this.observers)
            told();
    }
    close() {
        clearTimeout(this.timer);
        this.timer = undefined;
    }
}
