/** The most that any `length` seconds in a row hold together. */
export function rollingMaximum(column: Float64Array, length: number): number {
  let sum = 0;
  let most = 0;
  for (let second = 0; second < column.length; second++) {
    sum += column[second];
    if (second >= length) sum -= column[second - length];
    most = Math.max(most, sum);
  }
  return most;
}
