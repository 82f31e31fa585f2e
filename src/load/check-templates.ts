/** Expressions: their syntax, and that what they refer to exists and will be there when they are evaluated. */

import { assertNever } from '../base/result.ts';
import { diagnose } from '../diagnostics/diagnostic.ts';
import type { DiagnosticCode } from '../diagnostics/facts.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { parseTemplate, type Reference, type TemplateProblem, templateReads } from '../expressions/expressions.ts';
import { placeWithin, type ScalarNode, type Span } from './document.ts';
import { type NeedsGraph, Reachability } from './needs-graph.ts';
import type { FlowOutline } from './outline.ts';
import type { Problems } from './problems.ts';
import { type SiteOwner, templateSites } from './template-sites.ts';

const TO_COME: ReadonlySet<string> = new Set(['secrets', 'vars', 'item', 'index', 'matrix', 'previous']);
const STEP_MEMBERS = ['state', 'outputs', 'exit_code', 'error'];
const RUN_MEMBERS = [
  'id',
  'dir',
  'attempt',
  'state',
  'failed',
  'started_at',
  'scheduled_for',
  'previous_scheduled_for',
];
const FLOW_MEMBERS = ['name', 'version'];
/** What is known of a run before it has a folder and steps. */
const RUN_MEMBERS_IN_DEFAULTS = ['id', 'started_at', 'scheduled_for', 'previous_scheduled_for'];

type ExplainedCode = Extract<
  DiagnosticCode,
  'expression_syntax' | 'unknown_function' | 'unknown_name' | 'wrong_arguments' | 'expression_too_large'
>;

function codeOf(code: TemplateProblem['code']): ExplainedCode {
  return code === 'too_long' || code === 'too_deep' ? 'expression_too_large' : code;
}

interface Check {
  readonly flow: FlowOutline;
  readonly graph: NeedsGraph;
  readonly reachability: Reachability;
  readonly problems: Problems;
}

/** Checks every text with an expression. */
export function checkTemplates(flow: FlowOutline, graph: NeedsGraph, problems: Problems): void {
  const check: Check = { flow, graph, reachability: new Reachability(graph), problems };
  for (const { node, text, owner } of templateSites(flow)) {
    const parsed = parseTemplate(text);
    if (parsed.ok) {
      for (const reference of templateReads(parsed.value)) checkReference(reference, node, owner, check);
      continue;
    }
    for (const problem of parsed.error) {
      const place = placeWithin(problems.source, node, problem.offset, problem.length);
      problems.add(diagnose(codeOf(problem.code), { problem: problem.message, remedy: problem.help ?? null }, place));
    }
  }
}

const whereOf = (owner: SiteOwner): string => {
  switch (owner.kind) {
    case 'step':
      return 'a step';
    case 'all_steps':
      return owner.where;
    case 'param':
      return 'the default of a param';
    case 'outputs':
      return '`outputs`';
    default:
      return assertNever(owner, 'owner of a template');
  }
};

function checkReference(reference: Reference, node: ScalarNode, owner: SiteOwner, check: Check): void {
  const { problems } = check;
  const { root, path } = reference;
  const place = placeWithin(problems.source, node, reference.offset, reference.length);
  const span = { start: place.start.offset, end: place.end.offset };
  if (TO_COME.has(root)) {
    problems.at('not_yet_supported', span, { what: `\`${root}\` in expressions`, instead: null });
    return;
  }
  switch (root) {
    case 'params':
      checkParam(path, span, owner, check);
      return;
    case 'steps':
      if (owner.kind === 'param' || owner.kind === 'all_steps') {
        problems.at('name_not_available', span, { name: 'steps', where: whereOf(owner) });
      } else checkStep(path, span, owner, check);
      return;
    case 'run': {
      const [member] = path;
      const isEarly = owner.kind === 'param' && member !== undefined && RUN_MEMBERS.includes(member);
      if (isEarly && !RUN_MEMBERS_IN_DEFAULTS.includes(member)) {
        problems.at('name_not_available', span, { name: `run.${member}`, where: whereOf(owner) });
      } else checkMember('run', member, RUN_MEMBERS, span, problems);
      return;
    }
    case 'flow':
      checkMember('flow', path[0], FLOW_MEMBERS, span, problems);
      return;
    default:
      // `env` holds whatever the environment holds; unknown roots do not pass the parser.
      return;
  }
}

function checkMember(
  owner: string,
  name: string | undefined,
  known: readonly string[],
  span: Span,
  problems: Problems,
): void {
  if (name === undefined || known.includes(name)) return;
  problems.at('unknown_property', span, { owner, name, known, suggestion: suggest(name, known) });
}

/** `params.n-1` reads one name: what to write for a subtraction, where the part before the hyphen is a param. */
function subtractionIn(name: string, known: readonly string[]): string | null {
  for (let at = name.indexOf('-'); at > 0; at = name.indexOf('-', at + 1)) {
    const before = name.slice(0, at);
    if (known.includes(before)) return `sub(params.${before}, ${name.slice(at + 1)})`;
  }
  return null;
}

function checkParam(path: readonly string[], span: Span, owner: SiteOwner, { flow, problems }: Check): void {
  const [name] = path;
  if (name === undefined) return;
  const index = flow.params.findIndex((param) => param.name === name);
  if (index === -1) {
    const known = flow.params.map((param) => param.name);
    const suggestion = problems.hasRoom ? suggest(name, known) : null;
    problems.at('unknown_param', span, { name, known, suggestion, subtraction: subtractionIn(name, known) });
  } else if (owner.kind === 'param' && index >= owner.param) {
    const declared = flow.params[index];
    const param = flow.params[owner.param]?.name ?? '';
    const related =
      declared === undefined || index === owner.param ? [] : [problems.place(declared.nameSpan, 'declared here')];
    problems.at('later_param', span, { param, reference: name }, related);
  }
}

function checkStep(path: readonly string[], span: Span, owner: SiteOwner, check: Check): void {
  const { flow, graph, reachability, problems } = check;
  const [name, member] = path;
  if (name === undefined) {
    problems.at('dynamic_step_reference', span, {});
    return;
  }
  const target = graph.indexOf.get(name);
  if (target === undefined) {
    const known = flow.steps.map((step) => step.name);
    problems.at('unknown_step_reference', span, {
      name,
      known,
      suggestion: problems.hasRoom ? suggest(name, known) : null,
    });
    return;
  }
  if (owner.kind === 'step' && !reachability.waitsFor(owner.step, target)) {
    const step = flow.steps[owner.step]?.name ?? '';
    const isDownstream = owner.step !== target && reachability.waitsFor(target, owner.step);
    problems.at('step_not_upstream', span, { step, reference: name, isDownstream });
  }
  checkMember(`steps.${name}`, member, STEP_MEMBERS, span, problems);
}
