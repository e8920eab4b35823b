/**
 * Test tools. For programs that lock: a backend that misbehaves on demand, processes that are
 * paused and killed, and networks that are cut. For authors of backends: a suite that checks a
 * store against the contract. They depend on no test framework.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as TestBackend from "./TestBackend.ts"
/**
 * @since 0.2.0
 */
export * as TestNetwork from "./TestNetwork.ts"
/**
 * @since 0.2.0
 */
export * as TestProcess from "./TestProcess.ts"
/**
 * @since 0.1.0
 */
export * as conformance from "./conformance.ts"
