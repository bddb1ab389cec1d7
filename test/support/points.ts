/**
 * One of so many points of a matrix is tried, and one of so many cases of a property. Where every point is asked for, it is
 * one: test/full/every-point.test.ts does that.
 */
export const oneOf = process.env.MCO_EVERY_POINT === '1' ? 1 : 5;

/** The points of a matrix that are tried: evenly spread, the first and the last among them. */
export function somePoints<Point>(points: readonly Point[]): Point[] {
  return points.filter((_, place) => place % oneOf === 0 || place === points.length - 1);
}
