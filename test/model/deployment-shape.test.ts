/** What may stand in `db.json`: nothing is taken for a record of which a member is missing or another kind of thing. */

import { describe, expect, it } from 'vitest';
import { PROJECT_DOCUMENT_FORMAT, type TickOutcome } from '../../src/model/deployment.ts';
import { readProject } from '../../src/model/deployment-shape.ts';

const at = '2027-01-01T00:00:00.000Z';
const run = '01m80p6pfr3dq7wpet4ra0xvs0';
const tick = { schedule: 0, scheduled_for: at };
const claim = { ...tick, run, trigger: 'schedule', claimed_at: at };

const TICKS: { readonly [Outcome in TickOutcome['outcome']]: { readonly outcome: Outcome } } = {
  started: { ...claim, outcome: 'started' },
  missed: { ...tick, outcome: 'missed', until: at, count: 1, is_more: false } as { readonly outcome: 'missed' },
  skipped: { ...tick, outcome: 'skipped', because_of: run } as { readonly outcome: 'skipped' },
  refused: { ...claim, outcome: 'refused', exit_code: 2, message: 'no' } as { readonly outcome: 'refused' },
};

const documentWith = (lately: unknown): unknown => ({
  format: PROJECT_DOCUMENT_FORMAT,
  deployments: {
    nightly: {
      ...{
        name: 'nightly',
        flow: '/flow.yaml',
        version: 1,
        versions: [],
        params: {},
        schedules: [],
        decided_until: [],
      },
      ...{ paused: null, claims: [], open: [], queue: [], ticks: [lately], updated_at: at },
    },
  },
});

describe.each(Object.entries(TICKS))('a tick that was %s', (_, whole) => {
  it('is read as it was written', () => {
    expect(readProject(documentWith(whole))?.deployments['nightly']?.ticks).toEqual([whole]);
  });

  it.each(Object.keys(whole))('is none without `%s`, or with something else there', (member) => {
    const { [member]: _left, ...rest } = whole as { readonly [member: string]: unknown };
    expect(readProject(documentWith(rest))).toBeNull();
    expect(readProject(documentWith({ ...whole, [member]: { odd: true } }))).toBeNull();
  });
});
