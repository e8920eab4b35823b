/** How many times as many worlds as usual: CI has the time. */
export const seeds = Number(process.env.SEEDS ?? 1)
