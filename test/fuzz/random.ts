/**
 * Chance that can be had again: everything drawn comes from a seed, which a failure prints.
 * `FUZZ_SEED` and `FUZZ_CASES` are what `npm run fuzz -- --seed N --cases K` sets.
 */

import { type Draw, seeded } from '../kit/seeded.ts';

/** Draws of everything that a campaign needs, all from one seed. */
export class Random {
  readonly #draw: Draw;

  constructor(seed: number) {
    this.#draw = seeded(seed);
  }

  /** A number from 0 to below 1. */
  next(): number {
    return this.#draw();
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const chosen = list[this.below(list.length)];
    if (chosen === undefined && list.length === 0) throw new Error('nothing to pick from');
    return chosen as T;
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }
}

/** The seed of this campaign. */
export const SEED: number = Number(process.env['FUZZ_SEED'] ?? 20_260_101);

/** How many cases a campaign has: its own number, or what the environment asks for. */
export const casesOf = (usual: number): number => Number(process.env['FUZZ_CASES'] ?? usual);

/** The words that have a failure again. */
export const again = (what: string, number: number): string =>
  `${what}, case ${number} of seed ${SEED}: npm run fuzz -- --seed ${SEED} --cases ${number + 1}`;

/** Texts that somebody chose to make trouble. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u202eabc',
  '../../etc/passwd',
  '/etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  '-rf',
  '--version',
  '$(touch P)',
  '`touch P`',
  '${{ 1 }}',
  '${{',
  '}}',
  "'",
  '"',
  '\\',
  '\ud800',
  '\uffff',
  '\ufeff',
  '9'.repeat(400),
  '1e400',
  '-1',
  'NaN',
  'null',
  'true',
  '~',
  '2026-02-30',
  '2026-01-01T00:00:00Z',
  'a'.repeat(10_000),
  'é'.normalize('NFD'),
];

/** Any JSON value, sooner or later. @param depth how deep it may be. */
export function anyJson(random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 10 : 7)) {
    case 0:
      return null;
    case 1:
      return random.chance(50);
    case 2:
      return random.pick([0, 1, -1, 0.5, 1e21, -1e308, 2 ** 53, 4_294_967_296, 5e-324]);
    case 3:
      return random.below(1_000);
    case 4:
    case 5:
    case 6:
      return random.pick(HOSTILE_TEXTS);
    case 7:
      return Array.from({ length: random.below(4) }, () => anyJson(random, depth - 1));
    default: {
      const entries = Array.from({ length: random.below(4) }, (): [string, unknown] => [
        random.pick([...HOSTILE_TEXTS.slice(0, 20), 'kind', 'value', 'step', 'id']),
        anyJson(random, depth - 1),
      ]);
      return Object.fromEntries(entries);
    }
  }
}

/** Changes bytes as a disk, a bug or an editor might: cut, flipped, zeroed, doubled, moved, put in, taken out. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.chance(50) ? 1 + random.below(8) : 1 + random.below(Math.max(1, bytes.length - at));
  const end = Math.min(bytes.length, at + length);
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
      return changed;
    }
    case 2: {
      const changed = Buffer.from(bytes);
      changed.fill(0, at, end);
      return changed;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at, end), bytes.subarray(end)]);
    case 4: {
      const to = random.below(at + 1);
      return Buffer.concat([
        bytes.subarray(0, to),
        bytes.subarray(at, end),
        bytes.subarray(to, at),
        bytes.subarray(end),
      ]);
    }
    case 5: {
      const put = Buffer.from(random.pick(HOSTILE_TEXTS));
      return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)]);
    }
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    default: {
      const changed = Buffer.from(bytes);
      for (let place = at; place < end; place += 1) changed[place] = random.below(256);
      return changed;
    }
  }
}

/** A JSON value in which one thing, somewhere, is something else or missing. */
export function otherwise(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.chance(5)) return anyJson(random);
  const copy = structuredClone(value) as { [name: string]: unknown };
  const names = Object.keys(copy);
  if (names.length === 0) return anyJson(random);
  const name = random.pick(names);
  if (random.chance(20)) delete copy[name];
  else copy[name] = otherwise(random, copy[name]);
  return copy;
}
