/** Which arm it is: a Franka Research 3, or a Franka Emika Robot (FER), also called Panda. */
export type FrankaGeneration = 'fr3' | 'fer';

/** Both of them. */
export const GENERATIONS: readonly FrankaGeneration[] = ['fr3', 'fer'];
