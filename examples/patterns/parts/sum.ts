/** The sum of some numbers. */
export function sum({ numbers }: { readonly numbers: readonly number[] }): number {
  return numbers.reduce((total, number) => total + number, 0);
}
