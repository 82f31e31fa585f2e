/** What the steps of a flow say together: names, what they do, what their exit codes mean, what they wait for. */

import { parseStepId } from '../base/ids.ts';
import { diagnose } from '../diagnostics/diagnostic.ts';
import { quoted } from '../diagnostics/phrase.ts';
import type { Place } from '../diagnostics/source.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { type DocumentNode, entryOf } from './document.ts';
import { HANDLER_PHASES } from '../model/policies.ts';
import { checkAction } from './check-actions.ts';
import { checkMap } from './check-maps.ts';
import { findCycles, type NeedsGraph } from './needs-graph.ts';
import type { FlowOutline, NeedOutline, StepOutline } from './outline.ts';
import type { Problems } from './problems.ts';

/** A name near the written one that is allowed; null when there is none. */
function allowedName(name: string): string | null {
  const plain = name
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  const allowed = /^[0-9]/.test(plain) ? `_${plain}` : plain;
  return parseStepId(allowed);
}

function checkNames(steps: readonly StepOutline[], problems: Problems): void {
  const byFoldedName = new Map<string, StepOutline>();
  for (const step of steps) {
    if (HANDLER_PHASES.some((phase) => phase === step.name)) {
      problems.at('reserved_step_name', step.nameSpan, { name: step.name });
    } else if (parseStepId(step.name) === null) {
      problems.at('invalid_step_name', step.nameSpan, { name: step.name, suggestion: allowedName(step.name) });
    }
    const first = byFoldedName.get(step.name.toLowerCase());
    if (first === undefined) {
      byFoldedName.set(step.name.toLowerCase(), step);
      continue;
    }
    const earlier = problems.place(first.nameSpan, 'first written here');
    if (first.name === step.name) problems.at('duplicate_key', step.nameSpan, { key: step.name }, [earlier]);
    else problems.at('step_name_clash', step.nameSpan, { name: step.name, other: first.name }, [earlier]);
  }
}

const numbersIn = (list: DocumentNode | undefined): readonly number[] =>
  (list?.kind === 'list' ? list.items : []).flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'number' ? [item.value] : [],
  );

/** One exit code cannot mean two things. */
function checkExitCodes(step: StepOutline, problems: Problems): void {
  const success = entryOf(step.body, 'success_codes');
  const skip = entryOf(step.body, 'skip_codes');
  if (skip?.value.kind !== 'list') return;
  const succeeding = success === undefined ? [0] : numbersIn(success.value);
  const exitCode = numbersIn(skip.value).find((code) => succeeding.includes(code));
  if (exitCode === undefined) return;
  const node = skip.value.items.find((item) => item.kind === 'scalar' && item.value === exitCode) ?? skip.value;
  const other = success === undefined ? [] : [problems.place(success.keySpan, 'also here')];
  const facts = { step: step.name, exitCode, isDefault: success === undefined };
  problems.at('exit_code_clash', node, facts, other);
}

function checkNeeds(step: StepOutline, flow: FlowOutline, problems: Problems): void {
  const seen = new Map<string, Place>();
  for (const { name, node } of step.needs) {
    const earlier = seen.get(name);
    if (earlier !== undefined) problems.at('duplicate_need', node, { step: step.name, need: name }, [earlier]);
    else if (hasExpression(name)) problems.at('expression_not_allowed', node, { what: '`needs`' });
    else if (name === step.name) problems.at('self_need', node, { step: step.name });
    else if (flow.blocks[step.block]?.indexOf.has(name) !== true)
      reportUnknownNeed({ name, node }, step, flow, problems);
    if (earlier === undefined) seen.set(name, problems.place(node, 'first named here'));
  }
}

function reportUnknownNeed(
  { name, node }: NeedOutline,
  step: StepOutline,
  flow: FlowOutline,
  problems: Problems,
): void {
  const beside = problems.hasRoom ? (flow.blocks[step.block]?.steps ?? []) : [];
  const known = beside.map((each) => flow.steps[each]?.name ?? '').filter((each) => each !== step.name);
  const suggestion = suggest(name, known);
  const elsewhere = suggestion === null && problems.hasRoom ? findElsewhere(name, step, flow) : null;
  problems.at('unknown_need', node, { step: step.name, name, suggestion, known, elsewhere });
}

/** A step of that name inside of a group that stands beside this one; or beside a group that this one is in. */
function findElsewhere(
  name: string,
  step: StepOutline,
  flow: FlowOutline,
): { readonly kind: 'inside' | 'around'; readonly group: string } | null {
  for (let at = step.group; at !== null; at = at.group) {
    if (at.name !== name && flow.blocks[at.block]?.indexOf.has(name) === true)
      return { kind: 'around', group: at.name };
  }
  for (const member of flow.steps) {
    if (member.name !== name) continue;
    for (let at = member.group; at !== null; at = at.group)
      if (at.block === step.block && at !== step) return { kind: 'inside', group: at.name };
  }
  return null;
}

function checkCycles(flow: FlowOutline, graph: NeedsGraph, problems: Problems): void {
  for (const cycle of findCycles(graph)) {
    const first = cycle.indexOf(cycle.reduce((least, each) => Math.min(least, each)));
    const turned = [...cycle.slice(first), ...cycle.slice(0, first)];
    const steps = turned.flatMap((index) => flow.steps[index] ?? []);
    const places = steps.map((step, index) => {
      const next = steps[(index + 1) % steps.length]?.name ?? step.name;
      const need = step.needs.find(({ name }) => name === next);
      const label = need === undefined ? 'comes after' : 'needs';
      return problems.place(need?.node ?? step.nameSpan, `${quoted(step.name)} ${label} ${quoted(next)}`);
    });
    const [primary, ...related] = places;
    const path = [...steps, ...steps.slice(0, 1)].map((step) => step.name);
    // Some of a long cycle is enough to find it.
    if (primary !== undefined) problems.add(diagnose('dependency_cycle', { path }, primary, related.slice(0, 9)));
  }
}

/** Checks names, actions, exit codes and needs of all steps. */
export function checkSteps(flow: FlowOutline, graph: NeedsGraph, problems: Problems): void {
  for (const { steps } of flow.blocks)
    checkNames(
      steps.flatMap((number) => flow.steps[number] ?? []),
      problems,
    );
  for (const step of flow.steps) {
    checkAction(step, problems);
    checkMap(step, problems);
    checkExitCodes(step, problems);
    checkNeeds(step, flow, problems);
  }
  checkCycles(flow, graph, problems);
}
