/** The tasks in sequence, as a flow of functions. */

import { flow, task } from 'flowctl';

const plain = (n: number): number => (n < 2 ? n : plain(n - 1) + plain(n - 2));

const fib = task('fib', async (n: number) => plain(n));

export default flow('fibs', { params: { count: 40, n: 10 } }, async ({ count, n }) => {
  for (let index = 0; index < count; index += 1) {
    const result = await fib(n);
    if (result !== { 10: 55, 33: 3_524_578 }[n]) throw new Error(`fib(${n}) is not ${result}`);
  }
});
