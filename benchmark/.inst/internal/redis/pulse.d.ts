/**
 * Whether a connection of ours is alive. Nothing is owed to it while it is idle;
 * from when something is, it must be heard within a time. If it is not it is
 * silent, which is its end. Before that the event loop has had a turn for what
 * had already arrived, and as much time again as it was late by: a busy loop is
 * no silent server.
 */
export declare class Pulse {
    private heardAt;
    private limitMillis;
    private owing;
    private dueAt;
    private timer;
    private readonly silent;
    constructor(silent: () => void);
    /** An answer is owed from now on, if none was. */
    owe(limitMillis: number): void;
    /** Something was heard; `more` is still owed. */
    heard(more: boolean): void;
    /** The connection is gone or idle. */
    rest(): void;
    private arm;
    private look;
}
