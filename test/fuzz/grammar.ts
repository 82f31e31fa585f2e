/** Texts that are nearly what they should be: drawn from grammars, or made from good ones. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOSTILE_TEXTS, mutateBytes, type Random } from './random.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Words with something between them, some of them left out, doubled or replaced. */
export function sentence(random: Random, words: readonly string[], most: number): string {
  const parts = Array.from({ length: 1 + random.below(most) }, () =>
    random.chance(90) ? random.pick(words) : random.pick(HOSTILE_TEXTS),
  );
  return parts.join(random.pick(['', '', ' ', '\t', ',']));
}

/** An expression; now and then one that is not. */
export function expression(random: Random, depth = 4): string {
  const inner = (): string => expression(random, depth - 1);
  if (depth === 0 || random.chance(20)) return random.pick(ATOMS);
  switch (random.below(9)) {
    case 0:
      return `(${inner()})`;
    case 1:
      return `!${inner()}`;
    case 2:
      return `${inner()} ${random.pick(['==', '!=', '<', '<=', '>', '>=', '&&', '||', '=', '&', '?', ','])} ${inner()}`;
    case 3:
      return `${inner()}[${inner()}]`;
    case 4:
      return `${inner()}.${random.pick(['outputs', 'constructor', '__proto__', 'length', 'x', '*', '1', ''])}`;
    case 5:
    case 6:
      return `${random.pick(FUNCTIONS)}(${Array.from({ length: random.below(4) }, inner).join(', ')})`;
    case 7:
      return mutateBytes(random, Buffer.from(inner())).toString();
    default:
      return inner();
  }
}

const ATOMS = [
  "'text'",
  "'it''s'",
  "'",
  '1',
  '-1.5e3',
  '0x1F',
  '1e999',
  'NaN',
  'true',
  'null',
  'params.list',
  'params.map',
  "params['text']",
  'steps.a.outputs',
  'steps.toString',
  'this',
  'constructor',
  '__proto__',
  'globalThis.process',
  'item',
  '',
  '\0',
];

const FUNCTIONS =
  'add sub mul div len default match split format_date add_duration contains startsWith endsWith format join toJSON fromJSON success always failure cancelled eval constructor require hashFiles range keys values merge replace lower upper trim slice first last sort unique flatten sum min max round floor ceil abs now'.split(
    ' ',
  );

/** Every flow and config of the examples and of the golden files, good and bad. */
export function yamlCorpus(): readonly Buffer[] {
  const folders = ['test/golden', 'examples'];
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml') && !name.includes('node_modules'))
      .sort()
      .map((name) => readFileSync(join(ROOT, folder, name))),
  );
}

/** A flow that is drawn: known keys, now and then in the wrong place, with values of any shape. */
export function flow(random: Random): string {
  const steps = Array.from({ length: 1 + random.below(4) }, (_, index) => `  s${index}: ${step(random, 2)}`);
  const keys = Array.from({ length: random.below(4) }, () => `${random.pick(FLOW_KEYS)}: ${value(random, 2)}`);
  return `${keys.join('\n')}\nsteps:\n${steps.join('\n')}\n`;
}

function step(random: Random, depth: number): string {
  const keys = Array.from({ length: 1 + random.below(4) }, () => {
    const key = random.pick(STEP_KEYS);
    if (key === 'steps' && depth > 0) return `steps: { in: ${step(random, depth - 1)} }`;
    return `${key}: ${value(random, depth)}`;
  });
  return `{ ${random.chance(70) ? "run: 'true', " : ''}${keys.join(', ')} }`;
}

function value(random: Random, depth: number): string {
  switch (random.below(depth > 0 ? 9 : 7)) {
    case 0:
      return JSON.stringify(`\${{ ${expression(random, 3)} }}`);
    case 1:
      return JSON.stringify(random.pick(HOSTILE_TEXTS).slice(0, 200));
    case 2:
      return random.pick(['1', '-1', '1.5', '1e400', '.inf', '.nan', '0x10', '0o7', 'true', 'null', '~', '']);
    case 3:
      return random.pick([
        '10s',
        '1h30m',
        '10y',
        '2026-01-01',
        's0',
        '[s0]',
        'bash',
        'json',
        '10%',
        '{ max: 3, delay: 1s }',
      ]);
    case 4:
      return random.pick(['{}', '[]', '*a', '&a x', '!!set { a }', '!x y', '<<', '? x', '"', "'", '|', '>', '%']);
    case 5:
      return `{ ${random.pick(STEP_KEYS)}: ${value(random, 0)} }`;
    case 6:
      return `[${value(random, 0)}, ${value(random, 0)}]`;
    case 7:
      return `{ ${random.pick(FLOW_KEYS)}: ${value(random, depth - 1)}, x: ${value(random, depth - 1)} }`;
    default:
      return `[{ ${random.pick(STEP_KEYS)}: ${value(random, depth - 1)} }, ${value(random, depth - 1)}]`;
  }
}

const FLOW_KEYS =
  'name run_name description tags params env dotenv secrets schedules triggers max_parallel fail_fast concurrency timeout cleanup_timeout retry defaults outputs on_success on_failure on_cancel finally steps services __proto__'.split(
    ' ',
  );
const STEP_KEYS =
  'run call flow steps wait approve with needs if foreach key matrix max_parallel tolerate repeat env workdir shell stdin output outputs success_codes skip_codes timeout grace retry continue_on_error if_lost sources generates cache resources priority secrets artifacts logs interactive isolate on_success on_failure on_cancel finally description services constructor'.split(
    ' ',
  );
