/** The journal: events in groups as they come, against the same bytes written and synced by a bare loop. */

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentHash, type RunId, recordedStepKey } from '../../src/base/ids.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { createJournal } from '../../src/store/journal.ts';
import type { Area, Figure } from '../area.ts';
import { compare, inside } from '../protocol.ts';

const GROUP = 50;

function events(count: number): readonly RunEvent[] {
  return Array.from({ length: count }, (_, index): RunEvent => {
    const place = {
      step: recordedStepKey(`step_${index}`),
      attempt: 1,
      seq: index + 1,
      time: '2026-01-01T00:00:00.000Z',
    };
    return index % 2 === 0
      ? { type: 'attempt.started', iteration: 0, ...place }
      : {
          type: 'attempt.finished',
          outcome: 'succeeded',
          exit_code: 0,
          signal: null,
          error: null,
          outputs: null,
          duration_ms: 3,
          ...place,
        };
  });
}

/** 10,000 events in groups of 50, each group awaited. */
export const recording: Area = {
  name: 'recording',
  async run(): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const all = events(10_000);
    let files = 0;
    let bytes = 0;
    try {
      const reference = inside('write and fdatasync, groups of 50', () => {
        const fd = openSync(join(folder, `bare-${files++}`), 'a');
        for (let from = 0; from < all.length; from += GROUP) {
          writeSync(
            fd,
            all
              .slice(from, from + GROUP)
              .map((event) => `${JSON.stringify(event)}\n`)
              .join(''),
          );
          fdatasyncSync(fd);
        }
        closeSync(fd);
      });
      const journal = inside('journal, groups of 50', async () => {
        const path = join(folder, `journal-${files++}`);
        const header = {
          journal: '1.0',
          run: '01jd0000000000000000000000' as RunId,
          flow_hash: contentHash('0'.repeat(64)),
          flowctl: '0',
        };
        const file = createJournal(path, header, { durability: 'full' });
        for (let from = 0; from < all.length; from += GROUP) await file.append(all.slice(from, from + GROUP));
        await file.close();
        bytes = statSync(path).size;
      });
      const rows = await compare('recording', reference, [journal], 5);
      return rows.map((row) => ({
        ...row,
        note: `${((row.wallMs * 1_000) / all.length).toFixed(1)} us an event${row.name.startsWith('journal') ? `, ${Math.round(bytes / all.length)} bytes` : ''}`,
      }));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
