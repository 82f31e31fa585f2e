/** What expressions refer to: that it exists, and will be there when they are evaluated. */

import { suggest } from '../diagnostics/suggest.ts';
import { type Reference, ROOTS } from '../expressions/expressions.ts';
import { EVENT_MEMBERS } from '../model/trigger.ts';
import type { ScalarNode } from './document.ts';
import type { NeedsGraph } from './needs-graph.ts';
import type { FlowOutline } from './outline.ts';
import { ProjectReferences } from './project-references.ts';
import { checkMapName, MAP_NAMES } from './map-references.ts';
import { subtractionIn } from './output-references.ts';
import type { Part, Problems } from './problems.ts';
import { StepReferences } from './step-references.ts';
import type { OpenedFlows, OpenFlow } from './sub-flows.ts';
import { type SiteOwner, whereOf } from './template-sites.ts';

/** Names that only the condition of a `repeat` has. */
const OF_REPEAT: ReadonlySet<string> = new Set(['previous', 'outputs', 'exit_code']);
/** The names that expressions may begin with nearly everywhere. */
export const COMMON_ROOTS: readonly string[] = ROOTS.filter(
  (root) => !OF_REPEAT.has(root) && !MAP_NAMES.has(root) && root !== 'event',
);

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

/** Who evaluates texts where no step has ended. */
const BEFORE_STEPS: ReadonlySet<SiteOwner['kind']> = new Set(['param', 'schedule', 'trigger', 'start', 'all_steps']);
/** Who does before the run has a folder. */
const BEFORE_RUN: ReadonlySet<SiteOwner['kind']> = new Set(['param', 'schedule', 'trigger', 'start']);

/** One reference, in the text that it stands in. */
export type Where = Part & { readonly owner: SiteOwner };

/** Checks the references of one flow, one by one. */
export class ReferenceChecker {
  readonly #flow: FlowOutline;
  readonly #steps: StepReferences;
  readonly #problems: Problems;
  readonly #params: ReadonlyMap<string, number>;
  readonly #project: ProjectReferences;

  constructor(open: OpenFlow, graph: NeedsGraph, opened: OpenedFlows) {
    const { flow, problems } = open;
    this.#flow = flow;
    this.#steps = new StepReferences(open, graph, opened);
    this.#problems = problems;
    this.#project = new ProjectReferences(flow, problems);
    this.#params = new Map(flow.params.map(({ name }, index) => [name, index]));
  }

  /**
   * Checks one reference.
   * @param node the text that it stands in; its offset counts there. @param owner who evaluates that text.
   * @param refusesSecrets where it stands, in words, when secrets are refused there; null where they may be used.
   */
  check(reference: Reference, node: ScalarNode, owner: SiteOwner, refusesSecrets: string | null): void {
    const { root, path, offset, length } = reference;
    const where: Where = { node, offset, length, owner };
    if (MAP_NAMES.has(root)) {
      checkMapName([root, ...path], where, this.#flow, this.#problems);
      return;
    }
    if (OF_REPEAT.has(root)) {
      this.#ofRepeat(root, path, where);
      return;
    }
    switch (root) {
      case 'params':
        this.#param(path, where);
        return;
      case 'secrets':
        this.#project.secret(path, where, refusesSecrets);
        return;
      case 'vars':
        this.#project.variable(path, where);
        return;
      case 'steps':
        if (BEFORE_STEPS.has(owner.kind)) {
          this.#problems.within('name_not_available', where, { name: 'steps', where: whereOf(owner) });
        } else this.#steps.check(path, where);
        return;
      case 'run': {
        const [member] = path;
        const isEarly = BEFORE_RUN.has(owner.kind) && member !== undefined && RUN_MEMBERS.includes(member);
        if (isEarly && !RUN_MEMBERS_IN_DEFAULTS.includes(member)) {
          this.#problems.within('name_not_available', where, { name: `run.${member}`, where: whereOf(owner) });
        } else this.#member('run', member, RUN_MEMBERS, where);
        return;
      }
      case 'flow':
        this.#member('flow', path[0], FLOW_MEMBERS, where);
        return;
      case 'event':
        if (owner.kind === 'trigger') this.#member('event', path[0], EVENT_MEMBERS[owner.of], where);
        else this.#problems.within('name_not_available', where, { name: 'event', where: whereOf(owner) });
        return;
      default:
        // `env` holds whatever the environment holds; unknown roots do not pass the parser.
        return;
    }
  }

  #ofRepeat(root: string, [member]: readonly string[], where: Where): void {
    const { owner } = where;
    if (owner.kind !== 'step' || owner.sight !== 'repeat') {
      this.#problems.within('name_not_available', where, { name: root, where: whereOf(owner) });
    } else if (root === 'previous') this.#member('previous', member, ['outputs'], where);
  }

  #member(owner: string, name: string | undefined, known: readonly string[], where: Where): void {
    if (name === undefined || known.includes(name)) return;
    this.#problems.within('unknown_property', where, { owner, name, known, suggestion: suggest(name, known) });
  }

  /** The names there are, and the one that was probably meant; nothing when that would not be shown. */
  #near(name: string, named: readonly { readonly name: string }[]): { known: string[]; suggestion: string | null } {
    const known = this.#problems.hasRoom ? named.map((each) => each.name) : [];
    return { known, suggestion: suggest(name, known) };
  }

  #param([name]: readonly string[], where: Where): void {
    const { owner } = where;
    if (owner.kind === 'schedule' || owner.kind === 'trigger') {
      this.#problems.within('name_not_available', where, { name: 'params', where: whereOf(owner) });
      return;
    }
    if (name === undefined) return;
    const { params } = this.#flow;
    const index = this.#params.get(name);
    if (index === undefined) {
      const near = this.#near(name, params);
      const subtraction = subtractionIn('params', name, near.known);
      this.#problems.within('unknown_param', where, { name, ...near, subtraction });
    } else if (owner.kind === 'param' && index >= owner.param) {
      const declared = params[index];
      const param = params[owner.param]?.name ?? '';
      const related =
        declared === undefined || index === owner.param
          ? []
          : [this.#problems.place(declared.nameSpan, 'declared here')];
      this.#problems.within('later_param', where, { param, reference: name }, related);
    }
  }
}
