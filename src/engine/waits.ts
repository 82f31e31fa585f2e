/** From a wait or an approval as it is written to what is waited for: until when, for what, or the question to a person. */

import { parseDuration } from '../base/duration.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { Bug, err, ok, type Result } from '../base/result.ts';
import { deepReads, evaluateDeep } from '../expressions/expressions.ts';
import type { Failure } from '../model/outcome.ts';
import type { Wait } from '../model/flow.ts';
import type { Answer, Node } from './node.ts';
import { collectScope, type Eventually, type ScopeSource } from './scope.ts';

/**
 * What a step waits for.
 * @param now wall clock, milliseconds since the epoch.
 */
export function makeWait(source: ScopeSource, node: Node, now: number): Eventually<Answer> {
  const { action } = node.definition;
  if (action.kind !== 'wait' && action.kind !== 'approve') throw new Bug(`step ${node.record.key} does not wait`);
  const templates = action.kind === 'approve' ? action.message : templateOf(action.wait);
  const isLiteral = node.call !== null;
  const scope = isLiteral ? {} : collectScope(source, deepReads(templates), { node, attempt: null });
  const answer = (value: JsonObject): Answer => {
    const evaluated = isLiteral ? ok(templates) : evaluateDeep(templates, value);
    if (!evaluated.ok) {
      return broken({ code: 'expression', message: `\`${action.kind}\`: ${evaluated.error.message}` });
    }
    if (action.kind === 'approve') {
      const expires = action.timeout_ms === null ? null : instant(now + action.timeout_ms);
      const params = Object.fromEntries(action.params.map(({ name, schema }) => [name, schema]));
      return { kind: 'approval', message: textOf(evaluated.value), params, expires };
    }
    const until = untilOf(action.wait, evaluated.value, now);
    return until.ok ? { kind: 'wait', ...until.value } : broken(until.error);
  };
  return scope instanceof Promise ? scope.then(answer) : answer(scope);
}

const broken = (failure: Failure): Answer => ({ kind: 'broken', failure });

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

const instant = (ms: number): string => new Date(ms).toISOString();

/** What of a wait is evaluated when it begins. A probe is evaluated with the attempt that looks. */
function templateOf(wait: Wait): Json {
  switch (wait.kind) {
    case 'duration':
      return wait.duration;
    case 'until':
      return wait.until;
    case 'for':
      return null;
  }
}

function untilOf(
  wait: Wait,
  value: Json,
  now: number,
): Result<{ readonly until: string | null; readonly delay_ms?: number; readonly for: JsonObject | null }, Failure> {
  switch (wait.kind) {
    case 'duration': {
      const ms = durationOf(value);
      if (ms === null) return err(odd('a duration, such as 10m', value));
      return ok({ until: instant(now + ms), delay_ms: ms, for: null });
    }
    case 'until': {
      const at = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
      if (Number.isNaN(at)) return err(odd('an instant with its offset, such as 2026-03-01T06:00:00Z', value));
      return ok({ until: instant(at), for: null });
    }
    case 'for': {
      const { probe, timeout_ms } = wait;
      return ok({
        until: null,
        for: { kind: probe.kind, deadline: timeout_ms === null ? null : instant(now + timeout_ms) },
      });
    }
  }
}

/** Internet date-time (RFC 3339, section 5.6). */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

function durationOf(value: Json): number | null {
  if (typeof value === 'number') return value >= 0 && Number.isFinite(value) ? Math.round(value) : null;
  if (typeof value !== 'string') return null;
  const read = parseDuration(value);
  return read.ok ? read.value : null;
}

const odd = (wanted: string, value: Json): Failure => ({
  code: 'wait',
  message: `\`wait\` is ${JSON.stringify(value)}, which is not ${wanted}`,
});
