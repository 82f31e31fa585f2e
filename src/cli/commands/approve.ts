/** `flowctl approve`. */

import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import type { ApprovalAnswer } from '../../model/run.ts';
import { type ApproveRequest, dropRequest } from '../../store/inbox.ts';
import { openState } from '../../store/open.ts';
import { StateError, unwrap } from '../../store/problem.ts';
import { type ReadRun, readRun } from '../../store/runs.ts';
import type { StateLayout } from '../../store/layout.ts';
import { thisUser } from '../actor.ts';
import { type AskedApproval, askedApprovals, isOpen } from '../approvals.ts';
import { EXIT } from '../exit-codes.ts';
import { collect, paramsFor } from '../params.ts';
import { readNamedRun } from '../read-run.ts';
import { resumeRun } from '../resume-run.ts';
import { withRunOptions } from '../run-options.ts';
import type { OutputMode } from '../run-view.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

interface ApproveOptions extends GlobalOptions {
  readonly param?: readonly string[];
  readonly reject?: boolean;
  readonly comment?: string;
  readonly output: OutputMode;
  readonly wait?: boolean;
  readonly maxParallel?: number;
  readonly failFast?: boolean;
}

const LONGEST_COMMENT = 1_000;

const EXAMPLES = `
Examples:
  $ flowctl approve last gate
  $ flowctl approve 01kdbq gate -p ticket=17 --comment "seen by Ada"
  $ flowctl approve 01kdbq report/gate --reject --comment "wrong numbers"`;

/** Adds the command. */
export function define(program: Command): void {
  withRunOptions(withGlobalOptions(program.command('approve')))
    .argument('<run>', 'an id, the unique beginning of one, or `last`')
    .argument('<step>', 'the step that waits for a person, such as `gate` or `report/gate`')
    .summary('answer a step that waits for a person')
    .description(
      'Answers an approval; who answered, and when, is recorded. Where a live process owns the run, that goes on; where none does, ' +
        'for the run was left waiting (`--no-wait`) or its process died, the run goes on here.',
    )
    .option('-p, --param <name=value>', 'value of a param that the approval asks for; repeatable', collect)
    .option('--reject', 'say no: the step fails')
    .option('--comment <text>', 'a word on it; recorded', readComment)
    .addHelpText('after', EXAMPLES)
    .action(approve);
}

function readComment(text: string): string {
  if (text.length <= LONGEST_COMMENT) return text;
  throw new UsageError(`\`--comment\`: at most ${LONGEST_COMMENT} characters`);
}

async function approve(text: string, name: string, options: ApproveOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const run = await readNamedRun(state, text);
  const { place } = run.layout;
  if (place.id !== place.root) {
    session.complain(
      `run ${place.id} is part of run ${place.root}`,
      `name the step as that one shows it: flowctl show ${place.root}`,
    );
    return session.exit(EXIT.usage);
  }
  if (run.problem !== null) throw new StateError(run.problem);
  const asked = await findAsked(session, run, name);
  if (asked === null) return undefined;
  const params = await paramsOf(session, asked, options);
  if (params === null) return undefined;
  unwrap(await openState(state.root));
  const { name: who, host } = thisUser();
  const request: ApproveRequest = {
    kind: 'approve',
    by: { name: who, host, pid: process.pid },
    at: new Date().toISOString(),
    step: asked.key,
    approved: options.reject !== true,
    params,
    comment: options.comment ?? null,
  };
  unwrap(await dropRequest(run.layout, request));
  const how = request.approved ? 'approved' : 'rejected';
  for (let now = run; ; now = unwrap(await readRun(state, place))) {
    const answer = await answerTo(now, asked.key);
    if (answer !== null && !isTheSame(answer, request)) {
      session.complain(`step \`${asked.key}\` was ${answeredBy(answer)} meanwhile`);
      return session.exit(EXIT.not_found);
    }
    if (answer !== null) {
      const ending = now.record?.ending?.state;
      const end = ending === undefined ? 'goes on' : `has ended: ${ending}`;
      return session.mention(`${how}: step ${asked.key} of run ${place.id}, which ${end}`);
    }
    // Somebody else may be about to go on with it: then the answer is theirs to take.
    if (!now.live && (await goOn(session, state, now, asked, how, options))) return undefined;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const PAUSE_MS = 50;

/**
 * Nobody owns the run: it goes on here. The answer lies in its inbox, which its new life looks into.
 * @returns false when somebody else went on with it first.
 */
async function goOn(
  session: Session,
  state: StateLayout,
  { layout, record }: ReadRun,
  asked: AskedApproval,
  how: string,
  options: ApproveOptions,
): Promise<boolean> {
  if (record?.ending) {
    session.complain(`run ${layout.place.id} has ended meanwhile: ${record.ending.state}`);
    session.exit(EXIT.not_found);
    return true;
  }
  const { param: _param, reject: _reject, comment: _comment, ...rest } = options;
  try {
    return await resumeRun(session, { state, place: layout.place }, rest, ({ ending }) => {
      if (ending === null) session.mention(`${how}: step ${asked.key}; going on with run ${layout.place.id}`);
      return ending === null;
    });
  } catch (error) {
    if (error instanceof StateError && error.problem.kind === 'busy') return false;
    throw error;
  }
}

/** The answer that is on record. */
async function answerTo({ layout, record }: ReadRun, key: string): Promise<ApprovalAnswer | null> {
  if (record === null) return null;
  const asked = await askedApprovals(layout, record);
  return asked.find((each) => each.key === key)?.step.answer ?? null;
}

/** False where somebody else was faster with another one. */
function isTheSame(answer: ApprovalAnswer, request: ApproveRequest): boolean {
  const { by, approved, comment, params } = answer;
  const isOurs = by.kind === 'user' && by.name === request.by.name && by.host === request.by.host;
  const isEqual = approved === request.approved && comment === request.comment;
  return isOurs && isEqual && isDeepStrictEqual({ ...params }, { ...request.params });
}

function answeredBy({ by, at, approved }: ApprovalAnswer): string {
  return `${approved ? 'approved' : 'rejected'} by ${by.kind === 'user' ? by.name : by.kind} at ${at}`;
}

async function findAsked(session: Session, { layout, record }: ReadRun, name: string): Promise<AskedApproval | null> {
  const all = record === null ? [] : await askedApprovals(layout, record);
  const open = all.filter(isOpen);
  const waits = record?.ending === null ? open.find(({ key }) => key === name) : undefined;
  if (waits !== undefined) return waits;
  const known = all.find(({ key }) => key === name);
  const names = record?.ending === null && open.length > 0 ? open.map(({ key }) => `\`${key}\``).join(', ') : null;
  const help = names === null ? null : `it waits for an answer to ${names}`;
  if (record?.ending) session.complain(`run ${layout.place.id} has ended: ${record.ending.state}`);
  else if (known?.step.answer) {
    session.complain(`step \`${name}\` was ${answeredBy(known.step.answer)}`, help);
  } else session.complain(`run ${layout.place.id} does not wait for an answer to \`${name}\``, help);
  session.exit(EXIT.not_found);
  return null;
}

/** What an approval asks for is read as its params say; who rejects need not give it. */
async function paramsOf(
  session: Session,
  { action, flow }: AskedApproval,
  options: ApproveOptions,
): Promise<JsonObject | null> {
  const given = options.param === undefined ? {} : { param: options.param };
  if (options.reject === true && options.param === undefined) return {};
  return paramsFor(session, { ...flow, params: action.params }, given, {});
}
