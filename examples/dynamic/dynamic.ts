/** A flow that finds out what there is to do while it runs: pages until there are no more, then one branch or another for what was found. */

import { context, flow, map, task } from 'flowctl';

interface Page {
  readonly orders: readonly number[];
  readonly next: number | null;
}

/** Stands for a service that gives its orders three at a time. */
const fetchPage = task(
  'fetch_page',
  { retry: { max: 3, delay: ['100ms', '1s'] } },
  async (page: number, total: number): Promise<Page> => {
    const first = page * 3;
    const orders = Array.from({ length: Math.max(0, Math.min(3, total - first)) }, (_, index) => first + index + 1);
    return { orders, next: first + 3 < total ? page + 1 : null };
  },
);

const price = task('price', async (order: number) => {
  if (order % 7 === 0) throw new RangeError(`order ${order} has no price`);
  return order * 10;
});

const check = task('check', async (order: number, amount: number) => ({ order, amount, large: amount >= 50 }));

/** A flow of its own, called below: shown as a run beneath this one. */
export const review = flow(
  'review',
  { params: { orders: { type: 'array', items: { type: 'integer' } } } },
  async ({ orders }) => {
    const checked = await map(orders, async (order) => check(order, await price(order)), { maxParallel: 2 });
    return checked.filter(({ large }) => large).map(({ order }) => order);
  },
);

export default flow(
  'dynamic',
  { params: { total: { type: 'integer', minimum: 0, default: 8 } } },
  async ({ total }) => {
    const orders: number[] = [];
    for (let page: number | null = 0; page !== null; ) {
      const found: Page = await fetchPage(page, total);
      orders.push(...found.orders);
      page = found.next;
    }
    if (orders.length === 0) return { orders: 0, priced: 0, failed: [], large: [] };

    // Every order at once; one that fails does not take the others with it.
    const settled = await Promise.allSettled(orders.map((order) => price.with({ key: order })(order)));
    const failed = orders.filter((_, index) => settled[index]?.status === 'rejected');
    const priced = orders.filter((order) => !failed.includes(order));

    let large: readonly number[] = [];
    if (priced.length > 5) large = await review({ orders: priced });
    else context().logger.info('too few orders for a review', { priced: priced.length });
    return { orders: orders.length, priced: priced.length, failed, large };
  },
);
