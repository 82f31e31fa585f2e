/** What is shown while a run goes on; what is said when it has ended is in `run-summary.ts`. */

import { recordedStepKey, type RunId, type StepKey } from '../base/ids.ts';
import type { ShownChild } from '../children/family.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { RunEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { withoutOldCommands } from '../observers/annotations.ts';
import type { Observer } from '../observers/hub.ts';
import { createNdjsonObserver } from '../observers/ndjson.ts';
import { partOf } from '../observers/part-of.ts';
import { createPlainObserver } from '../observers/plain.ts';
import { tail } from '../process/tail.ts';
import { logPath, type RunLayout } from '../store/layout.ts';
import { annotationsOf, isUnderGitHub } from './github.ts';
import { lastLines } from './run-summary.ts';
import type { LogLevel, Session } from './session.ts';
import { UsageError } from './session.ts';
import { stepSign, stepToneName } from './states.ts';
import { canDraw, isWatched, treeClock, treeTerminal } from './terminal.ts';

/** How a run is shown: `auto` is a live tree where somebody watches, else plain; `json` is one event per line and nothing else. */
export type OutputMode = 'auto' | 'tree' | 'plain' | 'json';

const MODES: readonly OutputMode[] = ['auto', 'tree', 'plain', 'json'];

/** What `--output` says about itself in the help. */
export const OUTPUT_HELP =
  'auto (a live tree on a terminal, else plain), tree, plain (one line per event) or json (one event per line)';

/** Reads `--output`. */
export function readOutputMode(text: string): OutputMode {
  const mode = MODES.find((known) => known === text);
  if (mode === undefined) throw new UsageError(`\`--output ${text}\`: expected one of ${MODES.join(', ')}`);
  return mode;
}

/** What a view needs of a run. */
export interface ShownRun {
  readonly layout: RunLayout;
  readonly definition: FlowDefinition;
  /** The run as it was when it is resumed; null for a new one. */
  readonly before: RunRecord | null;
}

/** What is wished for. */
export interface ViewOptions {
  readonly output: OutputMode;
  readonly quiet?: boolean;
  readonly logLevel?: LogLevel;
}

/** What is shown while a run goes on. */
export interface RunView {
  readonly observers: readonly Observer[];
  /** What shows a sub-run, as part of its root. */
  readonly ofChild: (child: ShownChild) => readonly Observer[];
  /** True when it shows the ends of the logs of what failed, so that nothing has to show them again. */
  readonly showsLogs: boolean;
  /** Ends what moves; what is printed afterwards stands below it. Never rejects. */
  close(): Promise<void>;
}

/** Opens the view of a run. */
export async function openView(session: Session, run: ShownRun, options: ViewOptions): Promise<RunView> {
  const { stdout, style } = session;
  const { id } = run.layout.place;
  const { output, quiet, logLevel } = options;
  stdout.neverBlock();
  if (output === 'json') {
    const json = (run: RunId): Observer => createNdjsonObserver(run, (line) => stdout.write(line));
    return { ...still(json(id)), ofChild: (child) => [json(child.layout.place.id)] };
  }
  if (quiet === true || logLevel === 'error') return still();
  if (logLevel !== 'warn' && isDrawn(session, output)) return openTree(session, run);
  const isGitHub = isUnderGitHub(session);
  const write = (line: string): void => stdout.write(isGitHub ? withoutOldCommands(line) : line);
  const plain = createPlainObserver(id, write, style);
  const shown = logLevel === 'warn' ? onlyTrouble(plain) : plain;
  const ofChild = ({ prefix }: ShownChild): readonly Observer[] => [partOf(prefix, shown)];
  if (!isGitHub) return { ...still(shown), ofChild };
  const logEnd = (step: StepKey, attempt: number): string | null => {
    const lines = lastLines(run.layout, step, attempt);
    return lines.length === 0 ? null : lines.join('\n');
  };
  const annotations = await annotationsOf(session, run.definition, logEnd);
  return { ...still(shown, annotations), ofChild, showsLogs: true };
}

const still = (...observers: readonly Observer[]): RunView => ({
  observers,
  ofChild: () => [],
  showsLogs: false,
  close: async () => {},
});

/** Where the cursor cannot be moved, a tree that was asked for by name is plain as well. */
function isDrawn({ stdout, environment }: Session, output: OutputMode): boolean {
  const question = { isTerminal: stdout.isTerminal, environment };
  return output === 'auto' ? isWatched(question) : output === 'tree' && canDraw(question);
}

const LAST_LINE_BYTES = 1_024;
const LAST_LINES = 4;

async function openTree(session: Session, { layout, before }: ShownRun): Promise<RunView> {
  const { stdout, stderr, style } = session;
  const members = new Map<string, RunLayout>();
  const { createTree } = await import('../observers/tree/tree.ts');
  const tree = createTree({
    run: layout.place.id,
    before,
    terminal: treeTerminal(stdout),
    clock: treeClock,
    paint: style,
    look: (state) => ({ sign: stepSign(state), tone: stepToneName(state) }),
    logEnd: (step, attempt) => {
      const home = homeOf(members, layout, step);
      return tail(logPath(home.layout, home.step, attempt), LAST_LINES, LAST_LINE_BYTES)?.text ?? null;
    },
    broken: (error) => session.complain(`internal: the tree view broke and is left out: ${String(error)}`),
  });
  if (stderr.isTerminal) stderr.divert((text) => tree.above(text));
  return {
    observers: [tree.observer],
    ofChild: (child) => {
      const { prefix, before: since, layout: place } = child;
      members.set(prefix, place);
      return [tree.member(prefix, place.place.id, since)];
    },
    showsLogs: false,
    async close() {
      await tree.close();
      stderr.divert(null);
    },
  };
}

/** The run that a step of a tree belongs to, and its key there. @param members sub-runs by where their steps stand. */
function homeOf(
  members: ReadonlyMap<string, RunLayout>,
  root: RunLayout,
  step: StepKey,
): { readonly layout: RunLayout; readonly step: StepKey } {
  for (let at = step.lastIndexOf('/'); at > 0; at = step.lastIndexOf('/', at - 1)) {
    const layout = members.get(step.slice(0, at));
    if (layout !== undefined) return { layout, step: recordedStepKey(step.slice(at + 1)) };
  }
  return { layout: root, step };
}

/** What tells of work as it was planned. */
const FINE: ReadonlySet<RunEvent['type']> = new Set([
  'attempt.started',
  'step.expanded',
  'iteration.scheduled',
  'handlers.started',
]);

function onlyTrouble(observer: Observer): Observer {
  return {
    name: observer.name,
    observe(event) {
      const isGood =
        'state' in event ? event.state === 'succeeded' : 'outcome' in event && event.outcome === 'succeeded';
      const isFine = FINE.has(event.type) || (event.type !== 'run.finished' && isGood);
      if (!isFine) observer.observe(event);
    },
  };
}
