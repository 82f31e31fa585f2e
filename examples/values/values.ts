/** The one step of `values.yaml` that is a function: text in, numbers out. What it returns are the step's outputs. */

/**
 * Adds one to each integer of a line such as `3,1,4`; spaces around the numbers are allowed.
 * @throws Error when the line holds anything but integers that a JSON number keeps exactly.
 */
export function addOne(input: { readonly line: string }): { values: number[] } {
  const values = input.line.split(',').map((text, index) => {
    const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) + 1 : Number.NaN;
    if (!Number.isSafeInteger(value)) {
      throw new Error(`value ${index + 1} is no integer, or too large a one: ${JSON.stringify(text.trim())}`);
    }
    return value;
  });
  console.log(`added one to ${values.length} integers`);
  return { values };
}
