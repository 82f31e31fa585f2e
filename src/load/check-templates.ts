/** Expressions: their syntax, in every text that may hold them, and what they refer to. */

import type { DiagnosticCode } from '../diagnostics/facts.ts';
import { listedNames } from '../diagnostics/phrase.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { parseTemplate, ROOTS, type TemplateProblem, templateReads } from '../expressions/expressions.ts';
import type { ScalarNode } from './document.ts';
import type { FlowOutline } from './outline.ts';
import type { Problems } from './problems.ts';
import { COMMON_ROOTS, type ReferenceChecker } from './references.ts';
import { checkSecretUses } from './secret-uses.ts';
import { templateSites } from './template-sites.ts';

type ExplainedCode = Extract<
  DiagnosticCode,
  | 'expression_syntax'
  | 'unknown_function'
  | 'unknown_name'
  | 'wrong_arguments'
  | 'invalid_pattern'
  | 'status_outside_if'
  | 'expression_too_large'
>;

function codeOf(code: TemplateProblem['code']): ExplainedCode {
  return code === 'too_long' || code === 'too_deep' ? 'expression_too_large' : code;
}

/**
 * The expression language knows names that this version does not have yet; of an unknown name, only those it has are offered.
 * @param text the text that the problem's offset counts in.
 */
export function withAvailableNames(problem: TemplateProblem, text: string): TemplateProblem {
  if (problem.code !== 'unknown_name') return problem;
  const name = text.slice(problem.offset, problem.offset + problem.length);
  const meant = suggest(name, [...ROOTS, 'true', 'false', 'null']);
  const help = meant === null ? `names begin with ${listedNames(COMMON_ROOTS, 'or')}` : `did you mean \`${meant}\`?`;
  return { ...problem, help };
}

/** Reports what is wrong with an expression, at its place in a text. */
export function reportTemplateProblem(problem: TemplateProblem, node: ScalarNode, problems: Problems): void {
  const { code, message, offset, length, help = null } = problem;
  problems.within(codeOf(code), { node, offset, length }, { problem: message, remedy: help });
}

/** Checks every text with an expression, except conditions and shell text. */
export function checkTemplates(flow: FlowOutline, references: ReferenceChecker, problems: Problems): void {
  for (const { node, text, owner, refusesSecrets } of templateSites(flow)) {
    const parsed = parseTemplate(text);
    if (parsed.ok) {
      for (const reference of templateReads(parsed.value)) references.check(reference, node, owner, refusesSecrets);
      if (refusesSecrets === null) checkSecretUses(parsed.value, node, problems);
    } else for (const problem of parsed.error) reportTemplateProblem(withAvailableNames(problem, text), node, problems);
  }
}
