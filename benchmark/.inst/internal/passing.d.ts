/**
 * A map and a set for what comes and goes, call by call.
 *
 * V8 gives a `Map` that is full of gaps, or is cleared, a new table, to which the
 * one before points. Once such a table has grown old it keeps alive whatever comes
 * into the map after it, until the next full collection: all short-lived objects are
 * then copied as if they were to stay, by pauses ten times as long. So these begin
 * anew every now and then, with a map that nothing points to.
 */
export declare class PassingMap<K, V> {
    private entries;
    private gone;
    get size(): number;
    has(key: K): boolean;
    get(key: K): V | undefined;
    set(key: K, value: V): void;
    delete(key: K): boolean;
    /** Those that are there now, the first first. */
    list(): Array<[K, V]>;
}
export declare class PassingSet<K> {
    private members;
    private gone;
    get size(): number;
    add(member: K): void;
    delete(member: K): boolean;
    /** Those that are there now, the first first. */
    list(): Array<K>;
    clear(): void;
}
