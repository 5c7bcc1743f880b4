/** The times of a robot that a recording can have [s]: 100 years. */
export const ROBOT_TIME = { from: -3.2e9, to: 3.2e9, unit: 's' } as const;
