/** For programs of tests that report to whoever has started them. */
import { Logger } from "effect"

/** Logs go to standard error, apart from what the program reports. */
export const logsAside = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])
