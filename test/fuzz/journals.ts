/** Journals of runs of many kinds, as flowctl writes them, and what may become of them. */

import type { StepKey } from '../../src/base/ids.ts';
import { recordedStepKey } from '../../src/base/ids.ts';
import type { EventBody, RunEvent } from '../../src/model/event.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import { sealAfter } from '../../src/store/sealed-line.ts';
import { flowOf, handlersOf, RUN, runLife, resumeLife, startedEvent, type Behaviour } from '../kit/world.ts';
import { contentHash } from '../../src/base/ids.ts';
import { runId, stepId } from '../store/sample-runs.ts';
import { anyJson, mutateBytes, type Random } from './random.ts';

/** A run: its definition, and all that happened. */
export interface Recorded {
  readonly flow: FlowDefinition;
  readonly events: readonly RunEvent[];
}

const HASH = contentHash('c'.repeat(64));
const HEADER = { journal: '1.0', run: RUN, flow_hash: HASH, flowctl: '0.0.0-test' };

const failing =
  (...steps: readonly string[]): Behaviour =>
  (step, attempt) =>
    steps.includes(step) && attempt < 3 ? 'fail' : 'succeed';

/** Runs of every kind: retries, maps, groups, waits, approvals, repeats, handlers, resumes, calls of a flow function. */
export async function recordedRuns(): Promise<readonly Recorded[]> {
  const chain = flowOf([{ id: 'a' }, { id: 'b', needs: ['a'], retries: 2, delayMs: 10 }, { id: 'c', needs: ['b'] }]);
  const nested = flowOf(
    [
      { id: 'list', foreach: [1, 'two', { three: 3 }], tolerate: 1 },
      { id: 'group', needs: ['list'], steps: [{ id: 'in' }, { id: 'out', needs: ['in'], foreach: ['x', 'y'] }] },
      { id: 'last', needs: ['group'], if: 'always()', on: { on_success: 1, finally: 2 } },
    ],
    { handlers: handlersOf({ on_failure: 1, finally: 1 }) },
  );
  const patient = flowOf([
    { id: 'pause', more: { action: { kind: 'wait', wait: { kind: 'duration', duration: '100ms' } } } },
    {
      id: 'gate',
      needs: ['pause'],
      more: { action: { kind: 'approve', message: 'go on?', params: [], timeout_ms: 200, on_timeout: 'approve' } },
    },
    {
      id: 'again',
      needs: ['gate'],
      more: { repeat: { kind: 'until', condition: 'run.attempt >= 2', every_ms: 10, max: 3 } },
    },
  ]);
  const lives = [
    { flow: chain, life: await runLife(chain, { behaviour: failing('b') }) },
    { flow: chain, life: await runLife(chain, { behaviour: () => 'fail' }) },
    { flow: nested, life: await runLife(nested) },
    { flow: nested, life: await runLife(nested, { behaviour: failing('list[1]', 'group/out[x]') }) },
    { flow: patient, life: await runLife(patient) },
  ];
  const runs: Recorded[] = lives.map(({ flow, life }) => ({ flow, events: life.journal.events }));
  for (const { flow, events } of runs.slice(1, 4)) {
    runs.push({ flow, events: (await resumeLife(flow, events)).journal.events });
    const cut = events.slice(0, Math.ceil(events.length / 2));
    runs.push({ flow, events: (await resumeLife(flow, cut, { behaviour: () => 'fail' })).journal.events });
  }
  return [...runs, everything()];
}

const key = (name: string): StepKey => recordedStepKey(name);

/** What the runs of the engine's own tests have none of: processes, artifacts, sub-flows, calls, signals. */
function everything(): Recorded {
  const flow = flowOf([{ id: 'a' }, { id: 'b' }, { id: 'report' }]);
  const process = { pid: 4_000_000, group: 4_000_000, start_ticks: 7, boot_id: 'b', pid_namespace: '4026531836' };
  const ended = {
    type: 'attempt.finished',
    outcome: 'succeeded',
    exit_code: 0,
    signal: null,
    error: null,
    outputs: { kind: 'inline', value: { rows: [1, 2, 3], text: 'größe' } },
    duration_ms: 12,
  } as const;
  const bodies: readonly EventBody[] = [
    { type: 'run.queued', group: 'g', limit: 1 },
    { type: 'run.admitted', group: 'g' },
    {
      type: 'attempt.started',
      step: key('a'),
      attempt: 1,
      iteration: 0,
      why: 'its sources changed',
      fingerprint: HASH,
    },
    { type: 'attempt.spawned', step: key('a'), attempt: 1, process },
    { type: 'artifact.published', step: key('a'), attempt: 1, name: 'plot', kind: 'image', file: 'a.1/plot.png' },
    { type: 'artifact.published', step: key('a'), attempt: 1, name: 'n', kind: 'table', file: null, value: [{ x: 1 }] },
    { type: 'warning.raised', step: key('a'), attempt: 1, code: 'log_truncated', message: 'its log shrank' },
    { type: 'processes.reaped', when: 'attempt_end', step: key('a'), attempt: 1, pids: [4_000_001] },
    { ...ended, step: key('a'), attempt: 1, generated: { kind: 'inline', value: [] } },
    {
      type: 'step.reused',
      step: key('b'),
      from: { run: runId(1), step: key('b') },
      fingerprint: HASH,
      why: 'nothing changed',
      outputs: null,
    },
    { type: 'attempt.started', step: key('report'), attempt: 1, iteration: 0 },
    { type: 'child.started', step: key('report'), child: runId(2) },
    { ...ended, step: key('report'), attempt: 1, outputs: null },
    {
      type: 'step.requested',
      step: key('save'),
      name: stepId('save'),
      arguments_hash: HASH,
      needs: [],
      kind: 'task',
      tags: ['x'],
    },
    { type: 'value.recorded', kind: 'random', value: 0.5 },
    { type: 'attempt.started', step: key('save'), attempt: 1, iteration: 0, units: { gpu: ['0'] } },
    { type: 'run.signalled', signal: 'SIGINT' },
    { ...ended, step: key('save'), attempt: 1, outcome: 'cancelled', outputs: null, exit_code: null, signal: 'SIGINT' },
    { type: 'step.settled', step: key('save'), state: 'cancelled', tolerated: false, error: null, outputs: null },
    {
      type: 'run.finished',
      state: 'cancelled',
      exit_code: 130,
      outputs: null,
      timed_out: false,
      error: null,
      duration_ms: 99,
    },
  ];
  const first = startedEvent(flow, 2);
  const events = bodies.map((body, index): RunEvent => ({ ...body, seq: index + 2, time: first.time }));
  return { flow, events: [first, ...events] };
}

/** The bytes of a journal: everything has the checksums it should have. */
export function journalBytes(events: readonly unknown[], run: string = RUN): Buffer {
  let previous: string | null = null;
  const lines = [{ ...HEADER, run }, ...events].map((value) => {
    const { line, crc } = sealAfter(JSON.stringify(value), previous);
    previous = crc;
    return line;
  });
  return Buffer.from(lines.join(''));
}

/** Damage without knowledge of checksums, as disks, file systems and careless copies make it. */
export function damage(
  random: Random,
  bytes: Buffer,
  other: Buffer,
): { readonly kind: string; readonly bytes: Buffer } {
  const lines = linesOf(bytes);
  const others = linesOf(other);
  const at = random.below(lines.length);
  const to = random.below(lines.length);
  const [line = Buffer.alloc(0), second = Buffer.alloc(0)] = [lines[at], lines[to]];
  const joined = (kind: string, list: readonly Buffer[]) => ({ kind, bytes: Buffer.concat(list) });
  switch (random.below(9)) {
    case 0:
      return joined('a line twice', [...lines.slice(0, at), line, line, ...lines.slice(at + 1)]);
    case 1: {
      const swapped = [...lines];
      swapped[at] = second;
      swapped[to] = line;
      return joined('two lines swapped', swapped);
    }
    case 2:
      return joined(
        'a line taken out',
        lines.filter((_, index) => index !== at),
      );
    case 3: {
      const text = random.pick([
        '\n',
        '{}\n',
        '{"seq":1}\n',
        'x\n',
        '\0\0\0\n',
        `${JSON.stringify(anyJson(random))}\n`,
      ]);
      return joined('a line put in', [...lines.slice(0, at), Buffer.from(text), ...lines.slice(at)]);
    }
    case 4:
      return joined('the end of another journal', [...lines.slice(0, at), ...others.slice(at)]);
    case 5:
      return joined('a line of another journal', [...lines.slice(0, at), others[at] ?? line, ...lines.slice(at + 1)]);
    case 6: {
      const cut = random.below(bytes.length);
      return joined('the bytes of another journal from somewhere on', [bytes.subarray(0, cut), other.subarray(cut)]);
    }
    default:
      return joined('bytes changed', [mutateBytes(random, bytes)]);
  }
}

function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(10, from);
    const end = newline === -1 ? bytes.length : newline + 1;
    lines.push(bytes.subarray(from, end));
    from = end;
  }
  return lines;
}

/** Nonsense of somebody who knows the format: events that could not have been, in lines that could. */
export function nonsense(
  random: Random,
  events: readonly RunEvent[],
  other: readonly RunEvent[],
): { readonly kind: string; readonly events: readonly { readonly [member: string]: unknown }[] } {
  const list = events.map((event): { [member: string]: unknown } => structuredClone(event) as never);
  const at = random.below(list.length);
  const event = list[at] ?? {};
  const member = random.pick(Object.keys(event));
  const numbered = (kind: string, changed: readonly { readonly [member: string]: unknown }[]) => ({
    kind,
    events: changed.map((each, index) => ({ ...each, seq: index + 1 })),
  });
  switch (random.below(9)) {
    case 0:
    case 1:
      event[member] = anyJson(random);
      return { kind: `${String(events[at]?.type)}: \`${member}\` is something else`, events: list };
    case 2:
      delete event[member];
      return { kind: `${String(events[at]?.type)}: \`${member}\` is missing`, events: list };
    case 3:
      return numbered(
        'an event is missing',
        list.filter((_, index) => index !== at),
      );
    case 4:
      return numbered('an event stands twice', [...list.slice(0, at), event, ...list.slice(at)]);
    case 5: {
      const to = random.below(list.length);
      [list[at], list[to]] = [list[to] ?? {}, event];
      return numbered('two events are swapped', list);
    }
    case 6:
      return numbered('an event of another run', [
        ...list.slice(0, at),
        structuredClone(random.pick(other)) as never,
        ...list.slice(at),
      ]);
    case 7: {
      const donor = random.pick(list);
      if (donor['step'] !== undefined) event['step'] = donor['step'];
      return { kind: `${String(events[at]?.type)} of another step`, events: list };
    }
    default:
      deepChange(random, event);
      return { kind: `${String(events[at]?.type)}: something within is something else`, events: list };
  }
}

/** Changes one value somewhere within a value. */
function deepChange(random: Random, value: object): void {
  const names = Object.keys(value);
  if (names.length === 0) return;
  const name = random.pick(names);
  const members = value as { [member: string]: unknown };
  const inner = members[name];
  if (typeof inner === 'object' && inner !== null && random.chance(80)) deepChange(random, inner);
  else members[name] = anyJson(random);
}
