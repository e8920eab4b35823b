/** For programs of tests that say things to who has started them. */
import { Logger } from "effect"

/** What is logged goes to standard error, and is none of what the program says. */
export const logsAside = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])
