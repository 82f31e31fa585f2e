/** `flowctl cache`: what is kept for reuse. */

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatDuration, parseDuration } from '../../base/duration.ts';
import { nearestWord } from '../../base/suggestion.ts';
import { isPartOf, type Kept, listKept, removeKept } from '../../cache/housekeeping.ts';
import { scopeIn } from '../../cache/open.ts';
import { Records } from '../../cache/records.ts';
import { type StateLayout, stateLayout } from '../../store/layout.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { statePath, stateToRead } from '../state-directory.ts';
import { table } from '../table.ts';

/** What can be done with it. */
export const CACHE_ACTIONS = ['ls', 'clear', 'prune'] as const;

interface CacheOptions extends GlobalOptions {
  readonly step?: string;
  readonly olderThan?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl cache                               what is kept, and how much room it takes
  $ flowctl cache clear                         forget all results: everything runs again
  $ flowctl cache clear build.yaml --step test
  $ flowctl cache prune --older-than 7d         forget what was not used for a week`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('cache'))
    .argument('[action]', `${CACHE_ACTIONS.join(', ')}`, 'ls')
    .argument('[flow]', 'only results of this flow file')
    .summary('list, clear or prune results that are kept for reuse')
    .description(
      'Lists or removes the results of steps with `sources` or `cache`. Nothing is lost but time: a step whose result is gone ' +
        'runs again. What nobody used for 30 days is removed by itself.',
    )
    .option('--step <step>', 'only results of this step, and of what is in it')
    .option('--older-than <age>', 'of `prune`: what was not used for so long (default: 30d)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(cache);
}

async function cache(actionText: string, flow: string | undefined, options: CacheOptions): Promise<void> {
  const session = openSession(options);
  const action = CACHE_ACTIONS.find((known) => known === actionText);
  if (action === undefined) throw unknownAction(actionText);
  if (options.olderThan !== undefined && action !== 'prune') {
    throw new UsageError('`--older-than` belongs to `flowctl cache prune`');
  }
  const state = flow === undefined ? stateToRead(session, options) : stateOf(session, options, flow);
  const records = new Records(state.cache);
  const scope = flow === undefined ? undefined : scopeIn(state.root, resolve(flow));
  const selection = { flow: scope, step: options.step };
  if (action === 'ls') {
    const kept = select(await listKept(records), selection);
    await session.stdout.writeAll(
      options.json === true ? `${JSON.stringify(kept, null, 2)}\n` : listing(kept, session),
    );
    return;
  }
  if (flow !== undefined && !existsSync(flow) && select(await listKept(records), selection).steps.length === 0) {
    session.complain(`there is no flow file ${flow}, and nothing is kept of one`, '`flowctl cache` lists what is kept');
    session.exit(EXIT.not_found);
    return;
  }
  const now = Date.now();
  const unusedSince = action === 'prune' ? now - ageOf(options.olderThan ?? '30d') : undefined;
  const removed = await removeKept(records, { ...selection, unusedSince }, now);
  if (options.json === true) session.stdout.write(`${JSON.stringify(removed, null, 2)}\n`);
  else session.stdout.write(`removed ${counted(removed.results)}, ${bytesText(removed.bytes)}\n`);
}

/** The flow's own project, wherever flowctl was called. */
const stateOf = (session: Session, options: GlobalOptions, flow: string): StateLayout =>
  stateLayout(statePath(session, options, dirname(resolve(flow))));

function unknownAction(text: string): UsageError {
  const near = nearestWord(text, CACHE_ACTIONS);
  const flowHelp = existsSync(text) ? `of one flow: flowctl cache ls ${text}` : `one of ${CACHE_ACTIONS.join(', ')}`;
  return new UsageError(
    `\`flowctl cache ${text}\`: there is no such action`,
    near === null ? flowHelp : `did you mean \`${near}\`?`,
  );
}

function ageOf(text: string): number {
  const age = parseDuration(text);
  if (!age.ok) throw new UsageError(`\`--older-than ${text}\`: that is no duration, such as 7d`);
  return age.value;
}

function select(
  { steps, bytes }: Kept,
  { flow, step }: { readonly flow?: string | undefined; readonly step?: string | undefined },
): Kept {
  const chosen = steps.filter(
    (each) => (flow === undefined || each.flow === flow) && (step === undefined || isPartOf(each.step, step)),
  );
  return { steps: chosen, bytes };
}

const counted = (results: number): string => (results === 1 ? '1 result' : `${results} results`);

function listing({ steps, bytes }: Kept, { style }: Session): string {
  if (steps.length === 0) return 'nothing is kept\n';
  const now = Date.now();
  const age = (time: string): string => `${formatDuration(Math.max(0, now - Date.parse(time)))} ago`;
  const head = ['FLOW', 'STEP', 'RESULTS', 'SIZE', 'MADE', 'USED'].map((text) => ({ text, paint: style.faint }));
  const rows = steps.map((each) => [
    { text: each.flow },
    { text: each.step },
    { text: String(each.results), align: 'right' as const },
    { text: bytesText(each.bytes), align: 'right' as const },
    { text: age(each.created_at) },
    { text: age(each.used_at) },
  ]);
  return `${table([head, ...rows])}${bytesText(bytes)} in all\n`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `512 B`, `1.5 MiB`. */
function bytesText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1_024 && unit < UNITS.length - 1) {
    amount /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit] ?? ''}`;
}
