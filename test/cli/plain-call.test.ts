/** A call that is understood without commander is understood as commander understands it, for every command there is. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMANDS, type CommandModule } from '../../src/cli/command-table.ts';
import { readPlainCall } from '../../src/cli/plain-call.ts';
import { createProgram } from '../../src/cli/program.ts';

Object.assign(globalThis, { FLOWCTL_VERSION: '0.0.0' });

interface Understood {
  readonly operands: readonly unknown[];
  readonly options: object;
}

/** The real thing, with an action that only tells what it was given. */
async function byCommander(module: CommandModule, argv: readonly string[]): Promise<Understood> {
  const program = createProgram().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  module.define(program);
  const [command] = program.commands;
  let told: readonly unknown[] | null = null;
  command?.exitOverride().action((...given: readonly unknown[]) => {
    told = given;
  });
  await program.parseAsync([...argv], { from: 'user' });
  const given: readonly unknown[] = told ?? [];
  return { operands: given.slice(0, -2), options: given.at(-2) as object };
}

const outcome = async (work: () => Understood | null | Promise<Understood>): Promise<unknown> => {
  try {
    return await work();
  } catch (error) {
    return error;
  }
};

const VALUES = [
  'x',
  '1',
  '10',
  '0',
  'a=b',
  'a=1',
  'plain',
  'json',
  'tree',
  'info',
  'failed',
  '1d',
  '',
  ' ',
  '-',
  '-1',
  'é',
];

describe.each(COMMANDS.map(({ name, load }) => ({ name, load })))('$name', ({ name, load }) => {
  it('is understood alike', async () => {
    const module = await load();
    const program = createProgram();
    module.define(program);
    const flags = (program.commands[0]?.options ?? []).flatMap(({ short, long }) => [short, long]);
    const declared = flags.filter((flag): flag is string => flag !== undefined && flag !== null);
    const value = fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 4 }));
    const flag = fc.constantFrom('--nonsense', ...declared);
    const words = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(flag, value) },
      { weight: 3, arbitrary: fc.tuple(flag) },
      { weight: 3, arbitrary: fc.tuple(value) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(['--'], ['--nonsense'], ['-h'], ['--help'], ['-V'], ['-qz'], ['--state-dir=x']),
      },
    );
    let understood = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(words, { maxLength: 4 }), async (parts) => {
        const argv = parts.flat();
        const plain = await outcome(() => readPlainCall(module, argv));
        // Left to commander.
        if (plain === null) return;
        const expected = await outcome(() => byCommander(module, [name, ...argv]));
        if (plain instanceof Error) {
          expect(plain).toEqual(expected);
        } else {
          const { operands, options } = plain as Understood;
          expect({ operands, options }).toEqual(expected);
          understood += 1;
        }
      }),
      { numRuns: 400 },
    );
    expect(understood).toBeGreaterThan(5);
  });
});

describe('the calls of every day need no parser', () => {
  it.each([
    ['run', ['etl.yaml']],
    ['run', ['etl.yaml', '-p', 'date=2026-03-01', '-p', 'limit=3', '-q', '--max-parallel', '8']],
    ['validate', ['a.yaml', 'b.yaml', '--json']],
    ['runs', ['--limit', '5', '--json']],
    ['show', []],
    ['logs', ['load']],
    ['resume', []],
  ])('%s %j', async (name, words) => {
    const module = await COMMANDS.find((command) => command.name === name)?.load();
    if (module === undefined) throw new Error(`no command ${name}`);
    const call = readPlainCall(module, words);
    const { operands, options } = await byCommander(module, [name, ...words]);
    expect({ operands: call?.operands, options: call?.options }).toEqual({ operands, options });
  });

  it.each([
    [['run']],
    [['run', 'a', 'b']],
    [['run', 'a', '--nope']],
    [['run', 'a', '--help']],
    [['run', 'a', '--output=json']],
    [['run', 'a', '-qp', 'x=1']],
    [['run', 'a', '--max-parallel']],
    [['run', '--', 'a']],
  ])('%j is left to commander', async ([name, ...words]) => {
    const module = await COMMANDS.find((command) => command.name === name)?.load();
    expect(module === undefined ? undefined : readPlainCall(module, words)).toBeNull();
  });
});
