/**
 * Distributed locks as Effect values: everything that needs no driver, and runs
 * in a browser as well. Backends with a driver, and `BackendUrl`, which can load
 * any of them, are modules of their own: `effect-lock/RedisBackend`.
 *
 * @since 0.1.0
 */
/**
 * @since 0.1.0
 */
export * as InMemoryBackend from "./InMemoryBackend.ts";
/**
 * @since 0.2.0
 */
export * as Leader from "./Leader.ts";
/**
 * @since 0.1.0
 */
export * as Lease from "./Lease.ts";
/**
 * @since 0.1.0
 */
export * as Lock from "./Lock.ts";
/**
 * @since 0.1.0
 */
export * as LockBackend from "./LockBackend.ts";
/**
 * @since 0.1.0
 */
export * as LockConfig from "./LockConfig.ts";
/**
 * @since 0.1.0
 */
export * as LockError from "./LockError.ts";
/**
 * @since 0.2.0
 */
export * as LockEvent from "./LockEvent.ts";
/**
 * @since 0.1.0
 */
export * as LockKey from "./LockKey.ts";
/**
 * @since 0.1.0
 */
export * as LockStore from "./LockStore.ts";
/**
 * @since 0.1.0
 */
export * as OpenBackend from "./OpenBackend.ts";
