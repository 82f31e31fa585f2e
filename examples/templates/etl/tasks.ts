import { readFile, rename, writeFile } from 'node:fs/promises';

interface Total {
  city: string;
  orders: number;
  amount: number;
}

/** Adds up the amounts of a CSV file by city. What is returned has to be JSON. */
export async function addUp({ file, least }: { file: string; least: number }): Promise<{ totals: Total[] }> {
  const totals = new Map<string, Total>();
  const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
  for (const line of lines) {
    const [city = '', text = ''] = line.split(',');
    const amount = Number(text);
    if (Number.isNaN(amount)) throw new Error(`not a number: ${line}`);
    if (amount < least) continue;
    const total = totals.get(city) ?? { city, orders: 0, amount: 0 };
    totals.set(city, { city, orders: total.orders + 1, amount: total.amount + amount });
  }
  console.log(`${totals.size} cities`); // goes to the log of the step
  return { totals: [...totals.values()].sort((one, other) => other.amount - one.amount) };
}

/** Writes the totals as CSV. */
export async function writeReport({ totals, file }: { totals: Total[]; file: string }): Promise<{ rows: number }> {
  const lines = totals.map(({ city, orders, amount }) => `${city},${orders},${amount}`);
  await writeFile(`${file}.new`, `city,orders,amount\n${lines.join('\n')}\n`);
  await rename(`${file}.new`, file);
  return { rows: lines.length };
}
