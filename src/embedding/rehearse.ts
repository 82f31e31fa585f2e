/** One rehearsal from its options to how it went. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { conducted, type RegisteredFlow, registry } from '../flows/conductor.ts';
import { OptionError, refuse } from '../flows/options.ts';
import { asJson } from '../flows/values.ts';
import { Attempts } from './attempts.ts';
import { paramsFor } from './flow-params.ts';
import { type Fake, Rehearsal } from './rehearsal.ts';
import { JumpingClock, type RehearsalClock, realTime } from './rehearsal-clock.ts';
import type { FlowRun, RunFlowOptions } from './run-flow.ts';

/** Where a test's time begins unless it says otherwise. */
const TEST_EPOCH = '2026-01-01T00:00:00Z';

function clockOf(clock: RunFlowOptions<unknown>['clock']): RehearsalClock {
  if (clock === undefined || clock === 'system') return realTime;
  const start = Date.parse(clock === 'test' ? TEST_EPOCH : clock.now);
  if (Number.isNaN(start)) refuse('runFlow()', '`clock.now` has to be an instant such as 2026-01-31T06:00:00Z');
  return new JumpingClock(start);
}

/** A fake that stands for nothing is a misspelt one. */
function checkFakes(fakes: ReadonlyMap<string, Fake>, used: ReadonlySet<string>): void {
  const { tasks, flows } = registry();
  const known = new Set(['sh', 'approval', ...[...tasks, ...flows].map(({ name }) => name)]);
  const unknown = [...fakes.keys()].filter((name) => !known.has(name) && !used.has(name));
  if (unknown.length === 0) return;
  throw new OptionError(
    `runFlow(): nothing is named ${unknown.map((name) => `\`${name}\``).join(', ')}, for which there is a fake`,
  );
}

/** What the flow function returned, as JSON, or what it threw. */
async function outputsOf(call: () => Promise<unknown>, what: string): Promise<{ outputs: Json } | { error: unknown }> {
  try {
    return { outputs: asJson(what, (await call()) ?? null) };
  } catch (error) {
    return { error };
  }
}

function givenParams(params: unknown): JsonObject {
  const given = asJson('params', params ?? {});
  return isJsonObject(given) ? given : refuse('runFlow()', '`params` has to be an object');
}

/** Runs a flow in memory; see `runFlow`. */
export async function rehearse(flow: RegisteredFlow, options: RunFlowOptions<unknown>): Promise<FlowRun<unknown>> {
  const params = await paramsFor(flow, givenParams(options.params));
  const clock = clockOf(options.clock);
  const fakes = new Map(Object.entries(options.fakes ?? {}));
  const folder = await mkdtemp(join(tmpdir(), 'flowctl-rehearsal-'));
  const facts = {
    run: '00000000000000000000000000',
    flow: flow.name,
    run_dir: folder,
    workdir: dirname(flow.place),
    secrets: options.secrets ?? {},
    vars: {},
  };
  const attempts = new Attempts(clock, facts);
  const rehearsal = new Rehearsal({ fakes, clock, attempts });
  const loose: unknown[] = [];
  const onLoose = (reason: unknown): number => loose.push(reason);
  process.on('unhandledRejection', onLoose);
  const { steps } = rehearsal;
  try {
    const conductor = rehearsal.conductor('flow', '');
    const body = (): Promise<unknown> => conducted(conductor, () => flow.invoke(params));
    const ended = await outputsOf(() => attempts.inFlow('', body), `what flow \`${flow.name}\` returned`);
    await rehearsal.settled();
    checkFakes(fakes, rehearsal.used);
    const failures = 'error' in ended ? [ended.error] : loose;
    if ('error' in ended || failures.length > 0) return { state: 'failed', outputs: null, error: failures[0], steps };
    return { state: 'succeeded', outputs: ended.outputs, error: null, steps };
  } finally {
    process.off('unhandledRejection', onLoose);
    await rm(folder, { recursive: true, force: true });
  }
}
