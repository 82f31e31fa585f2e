/** The name of one run, from the flow's `run_name`. */

import { err, ok, type Result } from '../base/result.ts';
import { evaluateTemplate, parseTemplate, type Scope } from '../expressions/expressions.ts';
import type { FlowDefinition } from '../model/flow.ts';

/** Longer names are cut, in characters. */
const LONGEST = 200;

/**
 * Computes the name of a run.
 * @param scope `params`, `run`, `flow`, `env` and `vars` as defaults of params see them.
 * @returns one line of text; null where the flow gives its runs no names, or an empty one; else why there is none.
 */
export function runNameOf({ run_name: written }: FlowDefinition, scope: Scope): Result<string | null, string> {
  if (written === null) return ok(null);
  const template = parseTemplate(written);
  if (!template.ok) return err(template.error[0]?.message ?? 'it is malformed');
  const value = evaluateTemplate(template.value, scope);
  if (!value.ok) return err(value.error.message);
  const text = typeof value.value === 'string' ? value.value : JSON.stringify(value.value);
  const line = [...text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()].slice(0, LONGEST).join('');
  return ok(line === '' ? null : line);
}
