/** Whether it is a lease that a backend made. Cheaper than to ask whether it is an effect, or anything else. */
export const isGuard = (u) => u.giveBack !== undefined;
