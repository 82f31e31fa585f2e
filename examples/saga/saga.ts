/** A trip is booked whole or not at all: when a step fails, what had been booked is given back, the last first. */

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, flow, TaskError, task, transaction } from 'flowctl';

interface Booking {
  readonly kind: string;
  readonly reference: string;
}

/** What was done, in the order in which it was done. */
const note = (line: string): void => appendFileSync(join(context().run_dir, 'ledger.txt'), `${line}\n`);

const book = task(
  'book',
  {
    retry: { max: 2, delay: '50ms', retryIf: (error) => !(error instanceof RangeError) },
    onRollback: (booking: Booking) => note(`give back ${booking.kind} ${booking.reference}`),
  },
  async (kind: string, traveller: string): Promise<Booking> => {
    // The same for every attempt, so that a service that knows it books once.
    const reference = `${kind}-${traveller}-${context().idempotency_key.length}`;
    note(`book ${kind} ${reference}`);
    return { kind, reference };
  },
);

const charge = task('charge', { retry: 0 }, async (traveller: string, amount: number, limit: number) => {
  if (amount > limit) throw new RangeError(`the card of ${traveller} is good for ${limit}, not for ${amount}`);
  note(`charge ${amount}`);
  return { traveller, amount };
});

const apologise = task('apologise', async (traveller: string, reason: string) => {
  note(`tell ${traveller}: ${reason}`);
});

export default flow(
  'saga',
  { params: { traveller: 'Ada', amount: { type: 'integer', minimum: 0, default: 900 }, limit: 1000 } },
  async ({ traveller, amount, limit }) => {
    try {
      const bookings = await transaction(async () => {
        const flight = await book.with({ key: 'flight' })('flight', traveller);
        const hotel = await book.with({ key: 'hotel' })('hotel', traveller);
        await charge(traveller, amount, limit);
        return [flight, hotel];
      });
      return { booked: bookings.map(({ kind }) => kind), reason: null };
    } catch (error) {
      if (!(error instanceof TaskError)) throw error;
      await apologise(traveller, error.message);
      return { booked: [], reason: error.message };
    }
  },
);
