/** The hosts of the lab, by what a seed does with them. */
export const bravo = ['dev2', 'dev4', 'dev6', 'dev8'];
export const balancers = ['lb1', 'lb2'];
/** The hosts with a daemon that an upgrade of bravo calls. */
export const called = [...bravo, ...balancers];
/** The hosts with a daemon. */
export const daemons = [...Array.from({ length: 9 }, (_, index) => `dev${index + 1}`), ...balancers];
