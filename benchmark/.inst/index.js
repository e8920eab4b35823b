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
export * as InMemoryBackend from "./InMemoryBackend.js";
/**
 * @since 0.2.0
 */
export * as Leader from "./Leader.js";
/**
 * @since 0.1.0
 */
export * as Lease from "./Lease.js";
/**
 * @since 0.1.0
 */
export * as Lock from "./Lock.js";
/**
 * @since 0.1.0
 */
export * as LockBackend from "./LockBackend.js";
/**
 * @since 0.1.0
 */
export * as LockConfig from "./LockConfig.js";
/**
 * @since 0.1.0
 */
export * as LockError from "./LockError.js";
/**
 * @since 0.2.0
 */
export * as LockEvent from "./LockEvent.js";
/**
 * @since 0.1.0
 */
export * as LockKey from "./LockKey.js";
/**
 * @since 0.1.0
 */
export * as LockStore from "./LockStore.js";
/**
 * @since 0.1.0
 */
export * as OpenBackend from "./OpenBackend.js";
