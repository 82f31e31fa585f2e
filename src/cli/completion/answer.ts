/**
 * Completion: the script of a shell (`scripts.ts`) hands over the words up to the cursor, and gets one candidate a line, with a tab
 * and a few words about it; a line `:files` or `:folders` asks the shell to add those itself. Our own, not a library's: the one that
 * was looked at needs every command loaded at every TAB, and this is three small scripts. Never fails, never says anything else,
 * and makes nothing. `grammar.ts` says what may stand where, `sources.ts` finds it, `words.ts` reads the line.
 */

import { Command, type Option } from 'commander';
import { COMMANDS } from '../command-table.ts';
import { openSession, type Session, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';
import { OPERANDS, VALUES } from './grammar.ts';
import { type Candidate, candidatesFrom, type Source } from './sources.ts';
import { joinedByBash, readLine, type TypedLine } from './words.ts';

/** Prints what could stand at the end of these words: those behind the program's name, the last one perhaps empty. */
export async function answer(words: readonly string[]): Promise<void> {
  const session = openSession({ quiet: true });
  try {
    await session.stdout.writeAll(await linesFor(session, joinedByBash(words)));
  } catch {
    // Whoever presses TAB wants no error between the words of a line.
  }
}

async function linesFor(session: Session, words: readonly string[]): Promise<string> {
  const program = withGlobalOptions(new Command('flowctl'));
  const typed = readLine(words, program.options);
  const [name] = typed.operands;
  if (name === undefined) {
    const names = COMMANDS.map((command): Candidate => ({ value: command.name }));
    return typed.option === null
      ? printed([...names, ...flagsOf(program.options, typed)], typed, [])
      : answered(session, sourcesOfValue(typed.option), typed);
  }
  await COMMANDS.find((command) => command.name === name)
    ?.load()
    .then(({ define }) => define(program));
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined) return '';
  const behindName = words.findIndex(
    (_, index) => readLine(words.slice(0, index + 1), program.options).operands.length > 0,
  );
  const line = readLine(words.slice(behindName), command.options);
  const both = { ...line, values: new Map([...typed.values, ...line.values]) };
  if (line.option !== null) return answered(session, sourcesOfValue(line.option), both);
  if (line.current.startsWith('-')) return printed(flagsOf(command.options, line), line, []);
  return answered(session, operandsAt(name, line), both);
}

async function answered(session: Session, sources: readonly Source[], line: TypedLine): Promise<string> {
  const stateDir = line.values.get('--state-dir');
  const state = stateToRead(session, stateDir === undefined ? {} : { stateDir });
  const found: Candidate[] = [];
  for (const source of sources) {
    const around = { state, operands: line.operands, now: Date.now() };
    found.push(...(await candidatesFrom(source, around).catch((): Candidate[] => [])));
  }
  const orders = sources.filter((source) => source === 'files' || source === 'folders');
  return printed(found, sources.includes('steps') ? behindComma(line) : line, orders);
}

/** Several steps are separated by commas: the last one is being typed. */
function behindComma(line: TypedLine): TypedLine {
  const cut = line.current.lastIndexOf(',') + 1;
  return { ...line, lead: line.lead + line.current.slice(0, cut), current: line.current.slice(cut) };
}

const sourcesOfValue = ({ long }: Option): readonly Source[] => VALUES[long ?? ''] ?? [];

function operandsAt(command: string, { operands }: TypedLine): readonly Source[] {
  const { places, repeats = false } = OPERANDS[command] ?? { places: [] };
  // The steps of `logs <step>` are those of the last run; a second word is a step of the run that the first one names.
  if (command === 'logs' && operands.length === 1 && !/^(\d|last$)/.test(operands[0] ?? '')) return [];
  return places[operands.length] ?? (repeats ? places.at(-1) : undefined) ?? [];
}

/** Flags are offered where a word begins like one. */
function flagsOf(options: readonly Option[], { current, lead }: TypedLine): readonly Candidate[] {
  if (!current.startsWith('-') || lead !== '') return [];
  return [
    ...options.flatMap(({ long, hidden, description }) =>
      long && !hidden ? [{ value: long, about: description }] : [],
    ),
    { value: '--help', about: 'print help' },
  ];
}

function printed(candidates: readonly Candidate[], { current, lead }: TypedLine, orders: readonly string[]): string {
  const lines = candidates
    .filter(({ value }) => value.startsWith(current))
    .map(({ value, about }) => `${lead}${value}${about === undefined ? '' : `\t${about}`}`);
  return [...new Set(lines), ...orders.map((order) => `:${order}`)].map((line) => `${line}\n`).join('');
}
