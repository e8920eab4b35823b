/** Milliseconds of a clock that all processes of a host share. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6
