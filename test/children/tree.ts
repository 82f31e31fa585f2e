/** Trees of runs in a temporary folder, put together as the program does, without its command line. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunId, StepId, StepKey } from '../../src/base/ids.ts';
import type { RunAgain } from '../../src/children/family.ts';
import { composeLife, type Life } from '../../src/compose.ts';
import type { EngineEnd } from '../../src/engine/engine.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { recover } from '../../src/engine/recover.ts';
import { definitionHash } from '../../src/load/fingerprint.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import type { EventBody, RunEvent } from '../../src/model/event.ts';
import type { Action, FlowDefinition, StepDefinition } from '../../src/model/flow.ts';
import { beginRun } from '../../src/model/fold.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { createRun } from '../../src/store/create.ts';
import { runLayout, type StateLayout } from '../../src/store/layout.ts';
import { mintRunId } from '../../src/store/mint.ts';
import { openState } from '../../src/store/open.ts';
import type { OwnedRun } from '../../src/store/owned-run.ts';
import { openForResume } from '../../src/store/resume.ts';
import { readRunFolder, type RunReading } from '../../src/store/run-reading.ts';
import { expectOk } from '../store/sample-runs.ts';

export const sh = (text: string): Action => ({ kind: 'shell', text, shell: 'sh', values: {} });
export const sub = (file: string): Action => ({ kind: 'flow', flow: file });

/** A step from what is particular about it. */
export const step = (id: string, action: Action, more: Partial<Omit<StepDefinition, 'id' | 'action'>> = {}) => ({
  ...STEP_DEFAULTS,
  id: id as StepId,
  action,
  ...more,
});

/** One state directory, and runs in it. */
export class TreeRig {
  readonly folder: string;
  readonly events: RunEvent[] = [];
  readonly childEvents: { readonly prefix: string; readonly run: RunId; readonly event: RunEvent }[] = [];
  life: Life | null = null;
  /** Whether a run stays for what it waits for. */
  waits: 'stay' | 'park' = 'stay';
  /** Told of every event of every run, in the order in which they were durable. */
  heard: (run: RunId, event: RunEvent) => void = () => {};

  /** @param folder of the project; default: a fresh one. */
  constructor(folder: string = mkdtempSync(join(tmpdir(), 'flowctl-tree-'))) {
    this.folder = folder;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** A flow of a file of this name. */
  flow(name: string, steps: readonly StepDefinition[], more: Partial<FlowDefinition> = {}): FlowDefinition {
    const file = this.path(`${name}.yaml`);
    return { ...FLOW_DEFAULTS, name, file, directory: this.folder, steps, ...more };
  }

  state(): Promise<StateLayout> {
    return openState(this.path('.flowctl')).then(expectOk);
  }

  /** Runs a flow, and gives its record with the end. @param act told when the run is about to begin. */
  async run(definition: FlowDefinition, act: (life: Life) => void = () => {}): Promise<RunRecord> {
    const state = await this.state();
    const id = mintRunId();
    const time = new Date().toISOString();
    const started: Extract<RunEvent, { type: 'run.started' }> = {
      type: 'run.started',
      flow: definition.name,
      version: null,
      flow_hash: definitionHash(definition),
      params: {},
      tags: [],
      trigger: 'manual',
      parent: null,
      scheduled_for: time,
      settings: { max_parallel: definition.max_parallel ?? 4, fail_fast: false, grace_ms: 500, durability: 'full' },
      steps: definition.steps.map(({ id: name, needs }) => ({ id: name, needs })),
      seq: 1,
      time,
    };
    const created = await createRun(state, { id, definition, started, version: '0.0.0-test' });
    if (!created.ok) throw new Error(JSON.stringify(created.error));
    return this.live(state, created.value, beginRun(id, started), definition, [], new Map(), act);
  }

  /** Goes on with a run, with another definition if one is given. */
  async resume(
    run: RunId,
    edited?: FlowDefinition,
    again: { readonly root?: readonly string[]; readonly children?: ReadonlyMap<RunId, RunAgain> } = {},
    act: (life: Life) => void = () => {},
  ): Promise<RunRecord> {
    const state = await this.state();
    const opened = expectOk(await openForResume(state, { id: run, root: run }));
    const definition = edited ?? opened.frozen.definition;
    const { record } = opened;
    const opening = recover(record, makePlan(definition), {
      by: { kind: 'user', name: 'test', host: 'here' },
      settings: record.settings,
      params: record.params,
      revision: record.revision,
      flow_hash: record.flow_hash,
      again: (again.root ?? []) as readonly StepId[],
      reaped: [],
    });
    return this.live(state, opened, record, definition, opening, again.children ?? new Map(), act);
  }

  private async live(
    state: StateLayout,
    owned: OwnedRun,
    record: RunRecord,
    definition: FlowDefinition,
    opening: readonly EventBody[],
    again: ReadonlyMap<RunId, RunAgain>,
    act: (life: Life) => void,
  ): Promise<RunRecord> {
    const life = composeLife({
      state,
      layout: owned.layout,
      record,
      definition,
      journal: owned.journal,
      told: [],
      opening,
      environment: { PATH: process.env['PATH'], EFFECTS: this.path('effects') },
      version: '0.0.0-test',
      observers: [{ name: 'test', observe: (event) => this.hear(record.id, event) }],
      childListeners: ({ prefix, layout }) => [
        {
          name: 'test',
          observe: (event) => {
            this.childEvents.push({ prefix, run: layout.place.id, event });
            this.heard(layout.place.id, event);
          },
        },
      ],
      waits: this.waits,
      broken: (name, error) => {
        throw new Error(`${name}: ${String(error)}`);
      },
      again,
    });
    this.life = life;
    act(life);
    const end: EngineEnd = await life.execute();
    await owned.close(end.kind === 'finished' ? end.run : null);
    if (end.kind === 'state_lost') throw end.error;
    return end.run;
  }

  private hear(run: RunId, event: RunEvent): void {
    this.events.push(event);
    this.heard(run, event);
  }

  effects(): readonly string[] {
    const file = this.path('effects');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** The sub-runs of a run, in the order of their ids. */
  async children(root: RunId): Promise<readonly RunReading[]> {
    const state = await this.state();
    const folder = runLayout(state, { id: root, root }).children;
    const ids = existsSync(folder) ? (readdirSync(folder).sort() as RunId[]) : [];
    return Promise.all(ids.map((id) => readRunFolder(runLayout(state, { id, root }))));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The child of a step. */
export function childOf(run: RunRecord, key: string): RunId {
  const child = run.steps.get(key as StepKey)?.child ?? null;
  if (child === null) throw new Error(`step ${key} has no sub-run`);
  return child;
}
