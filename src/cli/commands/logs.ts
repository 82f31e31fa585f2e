/** `flowctl logs`. */

import { createReadStream, existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { AttemptRecord, StepRecord } from '../../model/run.ts';
import { TerminalFilter, withoutControls } from '../../observers/terminal-filter.ts';
import { SCRIPT_KEY } from '../../runners/script-key.ts';
import { logPath } from '../../store/layout.ts';
import { describeProblem, StateError } from '../../store/problem.ts';
import { isBeneath, type TreeStep, treeSteps } from '../../store/sub-runs.ts';
import { positiveInteger } from '../arguments.ts';
import { EXIT } from '../exit-codes.ts';
import { flowLogs } from '../flow-logs.ts';
import { followLogs } from '../follow-logs.ts';
import { readNamedRun } from '../read-run.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

interface LogsOptions extends GlobalOptions {
  readonly attempt?: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

interface LogFile {
  readonly step: string;
  readonly attempt: number;
  readonly started_at: string;
  readonly log: string;
}

const EXAMPLES = `
Examples:
  $ flowctl logs                  everything the last run printed, step by step
  $ flowctl logs load             what step load of the last run printed
  $ flowctl logs -f               what the last run prints, while it does
  $ flowctl logs -f load          the same for one step, byte for byte
  $ flowctl logs 01kdbq load --attempt 1`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('logs'))
    .argument('[run]', 'an id, the unique beginning of one, or `last`; run ids begin with a digit')
    .argument('[step]', 'a step; without it every step')
    .summary('print what steps printed')
    .description(
      'Prints the log of a step byte for byte, its last attempt unless another is asked for; or, with a headline each, the logs of ' +
        'all attempts in the order in which they began. With `-f` a run that goes on is followed to its end; Ctrl-C ends the ' +
        'printing, not the run. On a terminal, control sequences other than colours are left out.',
    )
    .option('--attempt <n>', 'this attempt of the step', positiveInteger('--attempt'))
    .option('-f, --follow', 'go on printing until the step, or the run, has ended')
    .option('--json', 'print where the logs are: an array of {step, attempt, started_at, log}')
    .addHelpText('after', EXAMPLES)
    .action(logs);
}

async function logs(first: string | undefined, second: string | undefined, options: LogsOptions): Promise<void> {
  const session = openSession(options);
  if (options.follow === true && options.json === true)
    throw new UsageError('`--follow` and `--json` exclude each other');
  const state = stateToRead(session, options);
  const namesRun = first !== undefined && (second !== undefined || first === 'last' || /^\d/.test(first));
  const [runText, stepText] = namesRun ? [first, second] : ['last', first];
  const run = await readNamedRun(state, runText);
  if (run.record === null) {
    if (run.problem !== null) throw new StateError(run.problem);
    return;
  }
  const steps = await treeSteps(run.layout, run.record);
  const own = flowLogs(run.layout, run.record, options.attempt);
  const ofSteps = stepText === SCRIPT_KEY ? [] : filesOf(steps, stepText, options.attempt);
  const files =
    ofSteps === null ? null : stepText === undefined || stepText === SCRIPT_KEY ? [...own, ...ofSteps] : ofSteps;
  if (files === null) {
    session.complain(
      `run ${run.record.id} has no step \`${stepText}\``,
      `its steps: ${steps.map(({ key }) => key).join(', ')}`,
    );
    return session.exit(EXIT.not_found);
  }
  if (options.json === true) return session.stdout.writeAll(`${JSON.stringify(files, null, 2)}\n`);
  const goesOn = options.follow === true && run.live && run.record.ending === null;
  if (stepText !== undefined && options.attempt !== undefined && files.length === 0 && !goesOn) {
    session.complain(`step \`${stepText}\` has no attempt ${options.attempt}`);
    return session.exit(EXIT.not_found);
  }
  if (run.problem !== null)
    session.mention(`warning: the record of this run is damaged: ${describeProblem(run.problem)}`);
  if (stepText !== undefined && files.length === 0 && !goesOn) {
    session.mention(`step \`${stepText}\` of run ${run.record.id} was not started`);
  }
  if (goesOn) {
    const { place } = run.layout;
    const isMixed = !steps.some(
      (each) => each.key === stepText && each.step.child === null && !hasMembers(steps, each),
    );
    return followLogs(session, { state, place, step: stepText, isMixed, attempt: options.attempt });
  }
  const isOne = files.every(({ step }) => step === stepText);
  let isAtLineStart = true;
  for (const file of files) {
    const headline = session.style.strong(`== ${file.step}, attempt ${file.attempt}, ${file.started_at}\n`);
    if (!isOne) await session.stdout.writeAll(isAtLineStart ? headline : `\n${headline}`);
    isAtLineStart = await print(session, file.log, whyUnwritten(steps, file));
  }
  return undefined;
}

/** Which logs are meant; null when there is no such step. A step that only others are beneath has theirs. */
function filesOf(
  all: readonly TreeStep[],
  wanted: string | undefined,
  attempt: number | undefined,
): readonly LogFile[] | null {
  const named = all.filter(({ key }) => wanted === undefined || key === wanted);
  if (named.length === 0 && wanted !== undefined) return null;
  const own = named.filter(hasLogs);
  const isOne = wanted !== undefined && own.length > 0;
  const attemptsOf = ({ attempts }: StepRecord): readonly AttemptRecord[] => {
    if (attempt !== undefined) return attempts.filter(({ number }) => number === attempt);
    return isOne ? attempts.slice(-1) : attempts;
  };
  const steps = isOne ? own : all.filter((each) => hasLogs(each) && isBeneath(each.key, wanted));
  return steps
    .flatMap(({ key, step, layout }) =>
      attemptsOf(step).map((each) => ({
        step: key,
        attempt: each.number,
        started_at: each.started_at,
        log: logPath(layout, step.key, each.number),
      })),
    )
    .sort((one, other) => (one.started_at < other.started_at ? -1 : one.started_at > other.started_at ? 1 : 0));
}

/** False for what prints nothing itself: it was not started, or its attempts are those of a sub-run. */
const hasLogs = ({ step }: TreeStep): boolean => step.attempts.length > 0 && step.child === null;

const hasMembers = (steps: readonly TreeStep[], { key }: TreeStep): boolean =>
  steps.some((other) => isBeneath(other.key, key));

/**
 * What is said instead of a log that nobody wrote: nothing where what is no process printed nothing; else why the attempt failed before
 * its command began. Null: there should be a log.
 */
function whyUnwritten(steps: readonly TreeStep[], { step: wanted, attempt, log }: LogFile): string | null {
  const owner = steps.find(({ key, step, layout }) => key === wanted && logPath(layout, step.key, attempt) === log);
  const record = owner?.step.attempts.find(({ number }) => number === attempt);
  if (record === undefined || record.process !== null) return null;
  if (record.error === null) return '';
  return `step ${wanted} printed nothing, for it failed before it began: ${record.error.message}`;
}

/** Prints a log. @param unwritten see `whyUnwritten`. @returns whether it ended with a whole line. */
async function print(session: Session, file: string, unwritten: string | null): Promise<boolean> {
  if (!existsSync(file)) {
    if (unwritten === null) session.mention(`warning: the log ${file} is missing`);
    else if (unwritten !== '') session.mention(withoutControls(unwritten));
    return true;
  }
  let last = NEWLINE;
  const filter = session.stdout.isTerminal ? new TerminalFilter() : null;
  for await (const chunk of createReadStream(file, { highWaterMark: 262_144 })) {
    if (session.stdout.isGone) return true;
    const bytes = chunk as Buffer;
    last = bytes.at(-1) ?? last;
    await session.stdout.writeAll(filter === null ? bytes : filter.push(bytes));
  }
  if (filter !== null) await session.stdout.writeAll(filter.end());
  return last === NEWLINE;
}

const NEWLINE = 0x0a;
