/**
 * Lengths as an enum. The compiler accepts a number of unknown value as a member of an enum, and refuses a literal that
 * is another number.
 */
declare enum Length {
  three = 3,
  four = 4,
  six = 6,
  seven = 7,
  nine = 9,
  thirteen = 13,
  fourteen = 14,
  sixteen = 16,
  seventeen = 17,
  twentyThree = 23,
  twentyFour = 24,
}

type Tuple<N extends number, Items extends readonly number[] = []> = Items['length'] extends N
  ? readonly [...Items]
  : Tuple<N, [...Items, number]>;

/**
 * `N` numbers, in an array or a typed array. If the compiler knows the length of a list, for example of `[0, 0, 0]`,
 * the length has to be `N` to compile. The length of every other list is checked when it is passed in.
 */
export type Numbers<N extends 3 | 4 | 6 | 7 | 9 | 13 | 14 | 16 | 17 | 23 | 24> =
  | Tuple<N>
  | (ArrayLike<number> & { readonly length: Extract<Length, N> });

/** Seven numbers, one for each joint, in an array or a typed array. */
export type JointVector = Numbers<7>;
