/** The journals of a tree are cut after every event that was durable, in the order in which they were: the resume comes to the same end. */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RunId, StepId } from '../../src/base/ids.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { runLayout, stateLayout } from '../../src/store/layout.ts';
import { sh, step, sub, TreeRig } from './tree.ts';

const EFFECT = 'echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"';

/** How many events each journal had. */
type Cut = ReadonlyMap<RunId, number>;

function cutAfter(order: readonly { readonly run: RunId; readonly event: RunEvent }[], count: number): Cut {
  const cut = new Map<RunId, number>();
  for (const { run, event } of order.slice(0, count)) cut.set(run, event.seq);
  return cut;
}

/** A link to a sub-run is on disk before the sub-run is, though it is told of later. */
function asDurable<Told extends { readonly run: RunId; readonly event: RunEvent }>(told: readonly Told[]): Told[] {
  const order = told.filter(({ event }) => event.type !== 'child.started');
  for (const link of told) {
    const { event } = link;
    if (event.type === 'child.started')
      order.splice(
        order.findIndex(({ run }) => run === event.child),
        0,
        link,
      );
  }
  return order;
}

/** Leaves of every run of the tree what it had by then. */
function apply(folder: string, root: RunId, runs: ReadonlySet<RunId>, cut: Cut): void {
  const state = stateLayout(join(folder, '.flowctl'));
  for (const run of runs) {
    const layout = runLayout(state, { id: run, root });
    const events = cut.get(run) ?? 0;
    if (events === 0) rmSync(layout.directory, { recursive: true, force: true });
    else {
      const lines = readFileSync(layout.journal, 'utf8').split('\n');
      writeFileSync(layout.journal, `${lines.slice(0, events + 1).join('\n')}\n`);
      // Written from what was durable: at most as new as the cut.
      if (existsSync(layout.snapshot)) rmSync(layout.snapshot);
    }
  }
}

it('comes to the same end, and repeats no step whose success was recorded', { timeout: 120_000 }, async () => {
  const tree = new TreeRig();
  const deep = tree.flow('deep', [
    step('extract', sh(EFFECT)),
    step('load', sh(EFFECT), { needs: ['extract' as StepId] }),
  ]);
  const middle = tree.flow('middle', [
    // Whatever it says: a sub-run is continued.
    step('again', sub(deep.file), { if_lost: 'fail' }),
    step('last', sh(EFFECT), { needs: ['again' as StepId] }),
  ]);
  const flow = tree.flow(
    'outer',
    [step('report', sub(middle.file), { if_lost: 'fail' }), step('after', sh(EFFECT), { needs: ['report' as StepId] })],
    { flows: { [deep.file]: deep, [middle.file]: middle } },
  );
  const told: { readonly run: RunId; readonly event: RunEvent }[] = [];
  tree.heard = (run, event) => told.push({ run, event });
  const { id: root } = await tree.run(flow);
  const order = asDurable(told);
  const runs = new Set(order.map(({ run }) => run));
  expect(runs.size).toBe(3);
  expect(tree.effects()).toHaveLength(4);
  // The first event of the root is told to nobody here: it is there at every cut.
  for (let count = 0; count < order.length; count += 1) {
    const copy = new TreeRig(mkdtempSync(join(tmpdir(), 'flowctl-cut-')));
    cpSync(tree.folder, copy.folder, { recursive: true });
    rmSync(copy.path('effects'), { force: true });
    const cut = new Map<RunId, number>([[root, 1], ...cutAfter(order, count)]);
    apply(copy.folder, root, runs, cut);
    const done = new Set(
      order
        .slice(0, count)
        .flatMap(({ run, event }) =>
          event.type === 'attempt.finished' && event.outcome === 'succeeded' ? [`${run} ${event.step}`] : [],
        ),
    );
    const ended = await copy.resume(root);
    expect(ended.ending?.state, `cut after ${count}`).toBe('succeeded');
    const again = copy.effects();
    expect(
      again.filter((effect) => done.has(effect)),
      `cut after ${count}`,
    ).toEqual([]);
    // Each of the four has had its effect at least once, in the first life or the second.
    const names = new Set([...done, ...again].map((effect) => effect.split(' ')[1]));
    expect([...names].sort(), `cut after ${count}`).toEqual(
      expect.arrayContaining(['after', 'extract', 'last', 'load']),
    );
    for (const { record, problem } of await copy.children(root)) {
      expect(problem, `cut after ${count}`).toBeNull();
      expect(record?.ending?.state, `cut after ${count}`).toBe('succeeded');
    }
    expect(await copy.children(root), `cut after ${count}`).toHaveLength(2);
    copy.remove();
  }
  tree.remove();
});
