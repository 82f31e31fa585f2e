/** The schemas that scripts rely on agree with the types: event by event, member by member. */

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { contentHash, recordedStepKey, stepKeyOf } from '../../src/base/ids.ts';
import type { Json } from '../../src/base/json.ts';
import { EVENT_TYPES } from '../../src/model/event-types.ts';
import type { EventBody, EventType } from '../../src/model/event.ts';
import { foldRun } from '../../src/model/fold.ts';
import type { Actor, Failure } from '../../src/model/outcome.ts';
import { runDetail } from '../../src/model/view.ts';
import { numbered, runId, startedBody, stepId, wholeRun } from '../store/sample-runs.ts';

type Body<Type extends EventType> = Extract<EventBody, { type: Type }>;

const step = stepKeyOf(stepId('load'));
const hash = contentHash('0'.repeat(64));
const time = '2026-01-01T00:00:00.000Z';
const error: Failure = { code: 'thrown', message: 'no', detail: 'at load' };
const actors: readonly Actor[] = [
  { kind: 'signal', signal: 'SIGTERM' },
  { kind: 'user', name: 'ada', host: 'mill' },
  { kind: 'policy', policy: 'fail_fast' },
];
const by = actors[1] ?? { kind: 'policy', policy: 'timeout' };
const process = { pid: 9, group: 9, start_ticks: 7, boot_id: 'b', pid_namespace: '4026531836' };
const { settings, steps } = startedBody();

/** One event of each type with every member it can have. The compiler sees that none is missing. */
const SAMPLES: { readonly [Type in EventType]: Required<Body<Type>> } = {
  'run.started': {
    ...startedBody(),
    name: 'nightly',
    parent: { run: runId(1), step },
    version: 3,
    vars: { watermark: '2026-01-01' },
    previous_scheduled_for: time,
  },
  'run.resumed': {
    type: 'run.resumed',
    by,
    revision: 2,
    flow_hash: hash,
    settings,
    params: { n: 1 },
    steps,
    reset: [step],
  },
  'attempt.started': {
    type: 'attempt.started',
    step,
    attempt: 1,
    iteration: 0,
    why: 'x',
    fingerprint: hash,
    units: { gpu: ['0'] },
  },
  'attempt.spawned': { type: 'attempt.spawned', step, attempt: 1, process },
  'attempt.finished': {
    type: 'attempt.finished',
    step,
    attempt: 1,
    outcome: 'failed',
    exit_code: 137,
    signal: 'SIGKILL',
    error,
    outputs: { kind: 'stored', hash, bytes: 70_000 },
    duration_ms: 1.5,
    skips: true,
    continues: true,
    generated: { kind: 'inline', value: [] },
    judged: { retry: true, delay_ms: 1 },
  },
  'retry.scheduled': { type: 'retry.scheduled', step, attempt: 2, delay_ms: 10, due: time },
  'step.settled': { type: 'step.settled', step, state: 'failed', tolerated: true, error, outputs: null },
  'step.skipped': { type: 'step.skipped', step, reason: 'upstream_failed' },
  'step.reused': {
    type: 'step.reused',
    step,
    from: { run: runId(1), step },
    fingerprint: hash,
    why: 'nothing changed',
    outputs: { kind: 'inline', value: { rows: 1 } },
    generated: { kind: 'inline', value: [] },
  },
  'step.expanded': {
    type: 'step.expanded',
    step,
    items: [{ key: recordedStepKey('load[0]'), item: null }],
    members: [{ id: stepId('load'), needs: [] }],
  },
  'step.timed_out': { type: 'step.timed_out', step, after_ms: 1 },
  'iteration.scheduled': { type: 'iteration.scheduled', step, iteration: 1, delay_ms: 1, due: time },
  'step.queued': { type: 'step.queued', step, resources: ['gpu'] },
  'run.queued': { type: 'run.queued', group: 'g', limit: 1 },
  'run.admitted': { type: 'run.admitted', group: 'g' },
  'run.parked': { type: 'run.parked', exit_code: 6 },
  'run.retried': { type: 'run.retried', retry: 1, delay_ms: 1, due: time, caught: [step] },
  'step.requested': {
    type: 'step.requested',
    step,
    name: stepId('load'),
    arguments_hash: hash,
    needs: [step],
    kind: 'map',
    caller: step,
    run_name: 'Load',
    tags: ['nightly'],
  },
  'value.recorded': { type: 'value.recorded', kind: 'now', value: 1 },
  'child.started': { type: 'child.started', step, child: runId(2) },
  'wait.started': { type: 'wait.started', step, until: time, delay_ms: 5, for: { file: 'x' } },
  'approval.requested': { type: 'approval.requested', step, message: 'go?', params: {}, expires: time },
  'approval.answered': { type: 'approval.answered', step, approved: true, by, params: {}, comment: 'yes' },
  'run.cancel_requested': { type: 'run.cancel_requested', by, reason: 'enough' },
  'run.signalled': { type: 'run.signalled', signal: 'SIGINT' },
  'processes.reaped': { type: 'processes.reaped', when: 'run_end', step, attempt: 1, pids: [42] },
  'handlers.started': { type: 'handlers.started', step, phase: 'finally', count: 1 },
  'artifact.published': {
    type: 'artifact.published',
    step,
    attempt: 1,
    name: 'plot',
    kind: 'image',
    file: 'plot.png',
    value: 1,
  },
  'warning.raised': { type: 'warning.raised', step, attempt: 1, code: 'log_truncated', message: 'a log shrank' },
  'run.finished': {
    type: 'run.finished',
    state: 'failed',
    exit_code: 1,
    outputs: { kind: 'inline', value: { a: [1] } },
    timed_out: false,
    error,
    caught: [step],
    duration_ms: 12,
  },
};

/** Members that may be absent. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'run.started.previous_scheduled_for',
  'run.started.vars',
  'run.started.name',
  'attempt.started.why',
  'attempt.started.fingerprint',
  'attempt.started.units',
  'attempt.finished.continues',
  'attempt.finished.skips',
  'attempt.finished.generated',
  'step.expanded.members',
  'step.reused.generated',
  'artifact.published.value',
  'attempt.finished.judged',
  'step.requested.kind',
  'wait.started.delay_ms',
  'step.requested.caller',
  'step.requested.run_name',
  'step.requested.tags',
  'run.retried.caught',
  'run.finished.caught',
]);
type Members = { readonly [member: string]: Json };

const read = (name: string): Members =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as Members;
const eventSchema = read('event');
const validator = (schema: Members): ValidateFunction =>
  new Ajv2020({ strict: true, allErrors: true, strictTypes: false, strictRequired: false }).compile(schema);

const isEvent = validator(eventSchema);
const isRun = validator(read('run'));
const samples = EVENT_TYPES.map((type) => ({ seq: 1, time, ...SAMPLES[type] }) as unknown as Members);

describe('schemas/event.schema.json', () => {
  it('names exactly the types of the model', () => {
    const { properties } = eventSchema as {
      readonly properties: { readonly type: { readonly enum: readonly string[] } };
    };
    expect([...properties.type.enum].sort()).toEqual([...EVENT_TYPES].sort());
  });

  it.each(samples.map((sample) => [sample['type'], sample]))(
    'accepts %s, in a journal and in `--output json`',
    (_, sample) => {
      isEvent(sample);
      expect(isEvent.errors ?? []).toEqual([]);
      expect(isEvent({ ...sample, crc: '0123abcd' })).toBe(true);
      expect(isEvent({ ...sample, run: runId(1) })).toBe(true);
    },
  );

  it.each(samples.map((sample) => [sample['type'], sample]))(
    'refuses %s with a member missing or too many',
    (_, sample) => {
      for (const member of Object.keys(sample)) {
        const { [member]: _absent, ...rest } = sample;
        expect([member, isEvent(rest)]).toEqual([member, OPTIONAL.has(`${String(sample['type'])}.${member}`)]);
      }
      expect(isEvent({ ...sample, surprise: 1 })).toBe(false);
    },
  );

  it('accepts every kind of actor, and no other', () => {
    const event = samples.find(({ type }) => type === 'run.cancel_requested');
    for (const actor of actors) expect(isEvent({ ...event, by: actor })).toBe(true);
    for (const actor of [{ kind: 'user' }, { kind: 'god' }, { ...actors[0], name: 'x' }]) {
      expect(isEvent({ ...event, by: actor })).toBe(false);
    }
  });

  it('accepts its own examples', () => {
    for (const example of eventSchema['examples'] as readonly Json[]) expect(isEvent(example)).toBe(true);
  });
});

describe('schemas/run.schema.json', () => {
  const detailOf = (bodies: readonly EventBody[], live: boolean) => {
    const { run } = foldRun(runId(1), numbered(bodies));
    if (run === null) throw new Error('no run');
    const detail = runDetail(
      run,
      { live, now: Date.parse(time) },
      { log: () => '/logs/x', artifact: (file) => `/artifacts/${file}` },
      (ref) => (ref.kind === 'inline' ? ref.value : null),
    );
    return JSON.parse(JSON.stringify(detail)) as Members;
  };
  const skipped: readonly EventBody[] = [
    startedBody(),
    { type: 'attempt.started', step: stepKeyOf(stepId('a')), attempt: 1, iteration: 0 },
    { type: 'attempt.spawned', step: stepKeyOf(stepId('a')), attempt: 1, process },
    { type: 'step.skipped', step: stepKeyOf(stepId('b')), reason: 'upstream_failed' },
    { type: 'warning.raised', step: null, attempt: null, code: 'processes_left', message: 'x' },
  ];

  it.each([
    ['ended', detailOf(wholeRun(), false)],
    ['live', detailOf(skipped, true)],
    ['crashed', detailOf(skipped, false)],
    ['beginning', detailOf([startedBody()], true)],
    ['cancelling', detailOf([startedBody(), { type: 'run.cancel_requested', by, reason: 'enough' }], true)],
  ])('accepts the document of a run that is %s, as shown and as a snapshot', (_, detail) => {
    isRun(detail);
    expect(isRun.errors ?? []).toEqual([]);
    expect(isRun({ seq: 3, ...detail })).toBe(true);
    expect(isRun({ ...detail, problem: { code: 'state-corrupt', message: 'm', file: 'f', offset: 3 } })).toBe(true);
  });

  it('refuses a document with a member missing or too many', () => {
    const detail = detailOf(wholeRun(), false);
    for (const member of Object.keys(detail)) {
      const { [member]: _absent, ...rest } = detail;
      expect([member, isRun(rest)]).toEqual([member, false]);
    }
    expect(isRun({ ...detail, surprise: 1 })).toBe(false);
  });
});
