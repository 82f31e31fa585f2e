/** What expressions refer to: that it exists, and will be there when they are evaluated. */

import { assertNever } from '../base/result.ts';
import { suggest } from '../diagnostics/suggest.ts';
import type { Reference } from '../expressions/expressions.ts';
import { placeWithin, type ScalarNode, type Span } from './document.ts';
import { type NeedsGraph, Reachability } from './needs-graph.ts';
import type { FlowOutline } from './outline.ts';
import { checkOutputPath, subtractionIn } from './output-references.ts';
import type { Problems } from './problems.ts';
import type { SiteOwner } from './template-sites.ts';

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

/** Checks the references of one flow, one by one. */
export class ReferenceChecker {
  readonly #flow: FlowOutline;
  readonly #graph: NeedsGraph;
  readonly #reachability: Reachability;
  readonly #problems: Problems;

  constructor(flow: FlowOutline, graph: NeedsGraph, problems: Problems) {
    this.#flow = flow;
    this.#graph = graph;
    this.#reachability = new Reachability(graph);
    this.#problems = problems;
  }

  /**
   * Checks one reference.
   * @param node the text that it stands in; its offset counts there. @param owner who evaluates that text.
   */
  check(reference: Reference, node: ScalarNode, owner: SiteOwner): void {
    const { root, path } = reference;
    const place = placeWithin(this.#problems.source, node, reference.offset, reference.length);
    const span = { start: place.start.offset, end: place.end.offset };
    if (TO_COME.has(root)) {
      this.#problems.at('not_yet_supported', span, { what: `\`${root}\` in expressions`, instead: null });
      return;
    }
    switch (root) {
      case 'params':
        this.#param(path, span, owner);
        return;
      case 'steps':
        if (owner.kind === 'param' || owner.kind === 'all_steps') {
          this.#problems.at('name_not_available', span, { name: 'steps', where: whereOf(owner) });
        } else this.#step(path, span, owner);
        return;
      case 'run': {
        const [member] = path;
        const isEarly = owner.kind === 'param' && member !== undefined && RUN_MEMBERS.includes(member);
        if (isEarly && !RUN_MEMBERS_IN_DEFAULTS.includes(member)) {
          this.#problems.at('name_not_available', span, { name: `run.${member}`, where: whereOf(owner) });
        } else this.#member('run', member, RUN_MEMBERS, span);
        return;
      }
      case 'flow':
        this.#member('flow', path[0], FLOW_MEMBERS, span);
        return;
      default:
        // `env` holds whatever the environment holds; unknown roots do not pass the parser.
        return;
    }
  }

  #member(owner: string, name: string | undefined, known: readonly string[], span: Span): void {
    if (name === undefined || known.includes(name)) return;
    this.#problems.at('unknown_property', span, { owner, name, known, suggestion: suggest(name, known) });
  }

  #param([name]: readonly string[], span: Span, owner: SiteOwner): void {
    if (name === undefined) return;
    const { params } = this.#flow;
    const index = params.findIndex((param) => param.name === name);
    if (index === -1) {
      const known = params.map((param) => param.name);
      const suggestion = this.#problems.hasRoom ? suggest(name, known) : null;
      const subtraction = subtractionIn('params', name, known);
      this.#problems.at('unknown_param', span, { name, known, suggestion, subtraction });
    } else if (owner.kind === 'param' && index >= owner.param) {
      const declared = params[index];
      const param = params[owner.param]?.name ?? '';
      const related =
        declared === undefined || index === owner.param
          ? []
          : [this.#problems.place(declared.nameSpan, 'declared here')];
      this.#problems.at('later_param', span, { param, reference: name }, related);
    }
  }

  #step([name, member, ...rest]: readonly string[], span: Span, owner: SiteOwner): void {
    if (name === undefined) {
      this.#problems.at('dynamic_step_reference', span, {});
      return;
    }
    const target = this.#graph.indexOf.get(name);
    const step = target === undefined ? undefined : this.#flow.steps[target];
    if (target === undefined || step === undefined) {
      const known = this.#flow.steps.map((each) => each.name);
      const suggestion = this.#problems.hasRoom ? suggest(name, known) : null;
      this.#problems.at('unknown_step_reference', span, { name, known, suggestion });
      return;
    }
    if (owner.kind === 'step' && !this.#reachability.waitsFor(owner.step, target)) {
      const reader = this.#flow.steps[owner.step]?.name ?? '';
      const isDownstream = owner.step !== target && this.#reachability.waitsFor(target, owner.step);
      this.#problems.at('step_not_upstream', span, { step: reader, reference: name, isDownstream });
    }
    if (member === 'outputs') checkOutputPath(step, rest, span, this.#problems);
    else this.#member(`steps.${name}`, member, STEP_MEMBERS, span);
  }
}
