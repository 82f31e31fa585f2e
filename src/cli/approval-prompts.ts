/**
 * Approvals that are asked for where the run is watched: the question, then what it asks for, param by param. An answer from elsewhere
 * (`flowctl approve`, or time that is up) ends the prompt, and so does the end of the run.
 */

import { recordedStepKey, type StepKey } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { ShownChild } from '../children/family.ts';
import type { ApprovalGiven } from '../engine/inbox.ts';
import type { GivenParam, ParamProblem } from '../load/params.ts';
import type { RunEvent } from '../model/event.ts';
import { findStep } from '../model/find-step.ts';
import type { FlowDefinition, ParamDefinition } from '../model/flow.ts';
import type { RunRecord } from '../model/run.ts';
import type { Observer } from '../observers/hub.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { thisUser } from './actor.ts';
import { type Conversation, converse } from './conversation.ts';
import { resolveGiven } from './params.ts';
import type { Session } from './session.ts';

/** Asks for a run and its sub-runs. */
export interface ApprovalPrompts {
  readonly observer: Observer;
  ofChild(child: ShownChild): Observer;
  /** Where answers go; asks from now on. @param give takes the step's key as the root sees it. */
  answerWith(give: (step: StepKey, answer: ApprovalGiven) => void): void;
  /** Ends what is asked. */
  close(): Promise<void>;
}

/** A question that waits to be asked, or is being asked. */
interface Question {
  readonly key: StepKey;
  readonly message: string;
  readonly params: readonly ParamDefinition[];
  /** The flow that the step is part of. */
  readonly flow: FlowDefinition;
  readonly answered: AbortController;
}

/** Asks the person at the terminal. @param before the run as it was when it is resumed: it may wait for an answer already. */
export function openApprovalPrompts(
  session: Session,
  definition: FlowDefinition,
  before: RunRecord | null,
): ApprovalPrompts {
  const open = new Map<StepKey, Question>();
  let give: ((step: StepKey, answer: ApprovalGiven) => void) | null = null;
  let asking: Promise<void> = Promise.resolve();

  const ask = (question: Question): void => {
    asking = asking.then(async () => {
      if (question.answered.signal.aborted || give === null) return;
      const answer = await converse(question.answered.signal, (talk) => answerOf(session, talk, question)).catch(
        (error: unknown) => {
          session.mention(`warning: nobody can be asked here: ${String(error)}`);
          return null;
        },
      );
      if (answer !== null) give(question.key, answer);
    });
  };
  const add = (flow: FlowDefinition, prefix: string, key: StepKey, message: string): void => {
    const action = findStep(flow.steps, key)?.action;
    const place = recordedStepKey(`${prefix}${key}`);
    if (action?.kind !== 'approve' || open.has(place)) return;
    const question: Question = { key: place, message, params: action.params, flow, answered: new AbortController() };
    open.set(place, question);
    if (give !== null) ask(question);
  };
  const end = (key: StepKey): void => {
    open.get(key)?.answered.abort();
    open.delete(key);
  };
  const listener = (flow: FlowDefinition, prefix: string, since: RunRecord | null): Observer => {
    for (const { key, message } of waitingIn(since)) add(flow, prefix, key, message);
    return {
      name: 'approval prompt',
      observe(event: RunEvent) {
        if (event.type === 'approval.requested') add(flow, prefix, event.step, event.message);
        else if (CLOSING.has(event.type) && 'step' in event && event.step !== null)
          end(recordedStepKey(`${prefix}${event.step}`));
        else if (ENDING.has(event.type)) for (const key of [...open.keys()]) if (key.startsWith(prefix)) end(key);
      },
    };
  };
  return {
    observer: listener(definition, '', before),
    ofChild: (child) => listener(child.definition, `${child.prefix}/`, child.before),
    answerWith(target) {
      give = target;
      for (const question of open.values()) ask(question);
    },
    async close() {
      for (const key of [...open.keys()]) end(key);
      await asking;
    },
  };
}

const CLOSING: ReadonlySet<RunEvent['type']> = new Set(['approval.answered', 'step.settled', 'step.skipped']);
const ENDING: ReadonlySet<RunEvent['type']> = new Set(['run.cancel_requested', 'run.signalled', 'run.finished']);

/** What an earlier life asked, and nobody has answered. */
function waitingIn(record: RunRecord | null): readonly { readonly key: StepKey; readonly message: string }[] {
  if (record === null || record.ending !== null) return [];
  return [...record.steps.values()].flatMap(({ key, phase, question }) => {
    const message = isJsonObject(question) ? question['message'] : undefined;
    const isOpen = phase.kind === 'waiting' && phase.for === 'approval' && typeof message === 'string';
    return isOpen ? [{ key, message }] : [];
  });
}

const SAID: { readonly [word: string]: 'yes' | 'no' | 'later' } = {
  y: 'yes',
  yes: 'yes',
  n: 'no',
  no: 'no',
  l: 'later',
  later: 'later',
};

/** @returns null when the person leaves it for later, or somebody else answers meanwhile. */
async function answerOf(session: Session, talk: Conversation, question: Question): Promise<ApprovalGiven | null> {
  const { key, message, answered } = question;
  const { strong, odd, faint } = session.errorStyle;
  talk.say(`${odd('?')} ${strong(key)} ${withoutControls(message)}\n`);
  let said: 'yes' | 'no' | 'later' | undefined;
  while (said === undefined) {
    const line = await talk.ask(`  approve? ${faint('yes, no, or later')}: `);
    said = line === null ? 'later' : SAID[line.trim().toLowerCase()];
  }
  const params = said === 'yes' ? await paramsFrom(session, talk, question) : {};
  if (answered.signal.aborted) {
    talk.say(`\n  ${faint('answered elsewhere, or not wanted any more')}\n`);
    return null;
  }
  if (said === 'later' || params === null) {
    talk.say(`  ${faint(`left for later; to answer: flowctl approve <run> ${key}`)}\n`);
    return null;
  }
  return { approved: said === 'yes', by: thisUser(), params, comment: null };
}

/** Asks for every param, and again for those that do not fit. @returns null when the person gives up. */
async function paramsFrom(
  session: Session,
  talk: Conversation,
  { params, flow }: Question,
): Promise<JsonObject | null> {
  const given = new Map<string, GivenParam>();
  let wanted = params;
  for (;;) {
    for (const param of wanted) {
      const line = await talk.ask(`  ${labelOf(param)}: `);
      if (line === null) return null;
      // An empty line leaves the default.
      if (line !== '' || isText(param)) given.set(param.name, { kind: 'text', text: line });
      else given.delete(param.name);
    }
    const values = await resolveGiven(session, { ...flow, params }, given, {});
    if (values === null) return null;
    if (values.ok) return values.value;
    for (const { message } of values.error) talk.say(`  ${session.errorStyle.bad(withoutControls(message))}\n`);
    wanted = params.filter(({ name }) => values.error.some((problem: ParamProblem) => problem.param === name));
    // What is wrong with a default no answer changes.
    if (wanted.length === 0) return null;
  }
}

/** True where an empty line is a value, and not the wish for a default. */
const isText = ({ schema, required }: ParamDefinition): boolean => required && schema['type'] === 'string';

function labelOf({ name, schema, required, default: preset }: ParamDefinition): string {
  const { type, description, enum: values } = schema;
  const kind = Array.isArray(values) ? values.map(String).join(' | ') : typeof type === 'string' ? type : null;
  const rest = required ? [] : [`default ${JSON.stringify(preset)}`];
  const words = [...(kind === null ? [] : [kind]), ...rest, ...(typeof description === 'string' ? [description] : [])];
  return withoutControls(words.length === 0 ? name : `${name} (${words.join(', ')})`);
}
