/**
 * Lengths, as an enum: the compiler lets a number whose value it does not know pass for a member of an enum, and
 * refuses a literal that is another number.
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
 * So many numbers, in an array or a typed array. A list whose length the compiler knows, as `[0, 0, 0]`, has to have
 * that length to compile; the length of every other list is checked when it is handed over.
 */
export type Numbers<N extends 3 | 4 | 6 | 7 | 9 | 13 | 14 | 16 | 17 | 23 | 24> =
  | Tuple<N>
  | (ArrayLike<number> & { readonly length: Extract<Length, N> });

/** Seven numbers, one a joint, in an array or a typed array. */
export type JointVector = Numbers<7>;
