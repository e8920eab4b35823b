import type { Duplex } from "node:stream";
export type Address = {
    readonly host: string;
    readonly port: number;
} | {
    readonly path: string;
};
export declare const connect: (address: Address, keepAliveMillis: number) => Duplex;
/** Destroys a socket that has been ended, or is going to be, unless it is gone soon. Needs nobody to wait for it. */
export declare const part: (socket: Duplex) => void;
