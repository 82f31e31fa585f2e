/**
 * What has to be found out about steps before they can be decided on: conditions, lists, waits, reuse, capacities, and what children
 * yield together. Evaluated from what is recorded, so that every life answers alike. Answers that need no reading from disk
 * are there when this returns; the others come as messages.
 */

import type { JsonObject } from '../base/json.ts';
import { assertNever, Bug } from '../base/result.ts';
import { conclude } from './conclude.ts';
import { judgeCondition, judgeIteration } from './conditions.ts';
import { itemsOf, listTemplates } from './expansion.ts';
import type { Inbox } from './inbox.ts';
import type { Answer, Node, Question } from './node.ts';
import type { Clock, Reuse, ReuseAnswer, Tickets } from './ports.ts';
import { makeReuseRequest } from './request.ts';
import type { Grants } from './grants.ts';
import type { Frontier } from './frontier.ts';
import { collectScope, type Eventually, type ScopeSource } from './scope.ts';
import { deepReads } from '../expressions/expressions.ts';
import { makeWait } from './waits.ts';

/** What questions are answered from. */
export interface QuestionSource extends ScopeSource {
  readonly clock: Clock;
  readonly reuse?: Reuse | null;
  readonly tickets?: Tickets | null;
}

/** Asks on behalf of one engine. */
export class Questions {
  /** Answers that are still to come, capacities left out. */
  pending = 0;
  private readonly source: QuestionSource;
  private readonly inbox: Inbox;
  private readonly grants: Grants;

  constructor(source: QuestionSource, inbox: Inbox, grants: Grants) {
    this.source = source;
    this.inbox = inbox;
    this.grants = grants;
  }

  /** Asks all of them. @returns true when at least one answer is there. */
  ask(frontier: Frontier, nodes: readonly Node[]): boolean {
    let isAnswered = false;
    for (const node of nodes) {
      const question = node.wanted;
      if (question === null) throw new Bug(`nothing is to be found out about ${node.record.key}`);
      frontier.staging.markAsked(node);
      const answer = question === 'tickets' ? this.claim(node) : this.find(node, question);
      if (answer instanceof Promise) this.await(node, question, answer);
      else if (frontier.answer(node, question, answer)) isAnswered = true;
    }
    return isAnswered;
  }

  /** Takes in an answer that came as a message. */
  take(frontier: Frontier, { node, question, answer }: { node: Node; question: Question; answer: Answer }): void {
    if (question !== 'tickets') this.pending -= 1;
    if (!frontier.answer(node, question, answer) && answer.kind === 'granted') this.grants.release(node.record.key);
  }

  private await(node: Node, question: Question, answer: Promise<Answer>): void {
    if (question !== 'tickets') this.pending += 1;
    answer.then(
      (value) => this.inbox.put({ kind: 'answered', node, question, answer: value }),
      // Recorded outputs that cannot be read are a fault of the state, not of the step that needs them.
      (error: unknown) =>
        this.inbox.put(error instanceof Bug ? { kind: 'broke', error } : { kind: 'journal_failed', error }),
    );
  }

  private claim(node: Node): Promise<Answer> {
    const { record, definition } = node;
    return this.grants.request({ step: record.key, resources: definition.resources, priority: definition.priority });
  }

  private find(node: Node, question: Exclude<Question, 'tickets'>): Eventually<Answer> {
    const { source } = this;
    switch (question) {
      case 'condition':
        return judgeCondition(source, node);
      case 'iterate':
        return judgeIteration(source, node);
      case 'items':
        return this.items(node);
      case 'wait':
        return makeWait(source, node, source.clock.wall());
      case 'reuse':
        return this.recorded(node);
      case 'conclude':
        return conclude(source, node);
      default:
        return assertNever(question, 'question');
    }
  }

  private items(node: Node): Eventually<Answer> {
    const { map } = node.definition;
    const called = node.call?.items ?? null;
    if (called !== null) return { kind: 'items', items: called.map(({ key, run_name }) => ({ key, item: run_name })) };
    if (map === null) throw new Bug(`step ${node.record.key} is no map`);
    const reads = [...deepReads(listTemplates(map)), ...(map.key === null ? [] : deepReads(map.key))];
    const scope = collectScope(this.source, reads, { node, attempt: null });
    const answer = (value: JsonObject): Answer => {
      const items = itemsOf(node.record.key, map, value);
      return items.ok ? { kind: 'items', items: items.value } : { kind: 'broken', failure: items.error };
    };
    return scope instanceof Promise ? scope.then(answer) : answer(scope);
  }

  private recorded(node: Node): Eventually<Answer> {
    const { reuse } = this.source;
    if (reuse === undefined || reuse === null) return { kind: 'recorded', answer: NOT_REUSED };
    const made = makeReuseRequest(this.source, node);
    const look = async (request: Awaited<typeof made>): Promise<Answer> => {
      if (!request.ok) return { kind: 'broken', failure: request.error };
      return { kind: 'recorded', answer: await reuse.lookup(request.value) };
    };
    return made instanceof Promise ? made.then(look) : look(made);
  }
}

/** Where nobody keeps results, every step runs. */
const NOT_REUSED: ReuseAnswer = { kind: 'run', fingerprint: null, why: 'no results are kept here' };
