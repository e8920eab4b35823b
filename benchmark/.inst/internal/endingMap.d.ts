/** What has an end by itself, in milliseconds of the monotonic clock. */
export interface Ending {
    readonly endsAt: number;
}
/**
 * A map whose entries may go once they have ended, for what nobody may ever take
 * out. It looks for them whenever it has doubled, so it stays small without a timer.
 */
export declare class EndingMap<V extends Ending> {
    private readonly entries;
    private limit;
    get size(): number;
    get(key: string): V | undefined;
    set(key: string, value: V, now: number): void;
    delete(key: string): boolean;
}
