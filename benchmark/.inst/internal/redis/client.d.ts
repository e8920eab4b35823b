/** A client of ioredis, version 5 or 6, or its like, and how we deal with its connections. */
/** What we use of a client. */
export interface Client {
    readonly status: string;
    readonly isCluster?: boolean | undefined;
    call(command: string, args: Array<string | number>): Promise<unknown>;
    connect(): Promise<unknown>;
    on(event: string, listener: (...args: Array<unknown>) => void): unknown;
    off(event: string, listener: (...args: Array<unknown>) => void): unknown;
}
export interface Single extends Client {
    readonly options?: {
        readonly autoResendUnfulfilledCommands?: boolean | undefined;
        readonly connectTimeout?: number | undefined;
        readonly host?: string | undefined;
        readonly port?: number | undefined;
        readonly keyPrefix?: string | undefined;
    } | undefined;
    readonly stream?: {
        destroy(): void;
    } | undefined;
    duplicate(override: object): Single;
    disconnect(): void;
}
export interface Cluster extends Client {
    readonly options?: {
        readonly keyPrefix?: string | undefined;
    } | undefined;
    nodes(role?: string): Array<Single>;
    disconnect(): void;
}
export declare const isCluster: (client: Client) => client is Cluster;
/** What a client lacks, of what we cannot do without. */
export declare const missing: (client: Client) => string | undefined;
/** A connection of ours that says nothing for this long while commands are out is given up for a new one. */
export declare const silenceMillis = 1000;
/** One that is not ready this long after it was begun, likewise. */
export declare const handshakeMillis = 3000;
/** Delay before the nth attempt to connect again. */
export declare const backoff: (times: number) => number;
