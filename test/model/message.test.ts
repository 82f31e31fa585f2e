/** When a message is tried again, and when nobody tries any more. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRunId, recordedStepKey } from '../../src/base/ids.ts';
import {
  afterFailure,
  FEWEST_TRIES,
  GIVE_UP_AFTER_MS,
  isDue,
  MESSAGE_FORMAT,
  type OutgoingMessage,
  readMessage,
} from '../../src/model/message.ts';

const NOW = Date.UTC(2026, 0, 1);
const run = parseRunId(`01j${'0'.repeat(23)}`);
if (run === null) throw new Error('no run id');
const at = (ms: number): string => new Date(ms).toISOString();
const message: OutgoingMessage = {
  ...{
    format: MESSAGE_FORMAT,
    run,
    flow: 'etl',
    file: '/p/etl.yaml',
    step: recordedStepKey('finally[0]'),
    channel: 'slack',
  },
  ...{
    options: { url: 'x' },
    text: 'hello',
    news: { state: 'failed', failed: ['a'] },
    idempotency_key: 'k',
    log: null,
  },
  secrets: [
    {
      file: '/p/etl.yaml',
      directory: '/p',
      dotenv: [],
      definition: { name: 'X', source: { kind: 'env', variable: 'X' } },
    },
  ],
  ...{ created_at: at(NOW), tries: 0, last: null, next_at: at(NOW), given_up_at: null },
};

describe('a message that did not arrive', () => {
  it('is tried with growing pauses for a day, and then given up; somebody who comes by rarely tries often enough', () => {
    const everyMs = fc.integer({ min: 1_000, max: 3 * GIVE_UP_AFTER_MS });
    fc.assert(
      fc.property(everyMs, (pause) => {
        let now = NOW;
        let kept = message;
        let lastPause = 0;
        for (; kept.given_up_at === null; now += pause) {
          if (!isDue(kept, now)) continue;
          kept = afterFailure(kept, 'answered 503', 0, now);
          const next = Date.parse(kept.next_at) - now;
          expect(next).toBeGreaterThanOrEqual(lastPause);
          expect(next).toBeLessThanOrEqual(3_600_000);
          lastPause = next;
        }
        expect(kept.tries).toBeGreaterThanOrEqual(FEWEST_TRIES);
        expect(Date.parse(kept.given_up_at) - NOW).toBeGreaterThan(GIVE_UP_AFTER_MS);
        expect(isDue(kept, now + 10 * GIVE_UP_AFTER_MS)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('is not held for ever by a clock that was set back, nor by a receiver that asks for a year', () => {
    const kept = afterFailure(message, 'answered 429', 365 * GIVE_UP_AFTER_MS, NOW);
    expect(Date.parse(kept.next_at) - NOW).toBe(GIVE_UP_AFTER_MS);
    expect(isDue(message, NOW - 2 * GIVE_UP_AFTER_MS)).toBe(true);
  });

  it('is read back as it was written, and nothing else is', () => {
    const written: unknown = JSON.parse(JSON.stringify(message));
    expect(readMessage(written)).toEqual(message);
    for (const [name, wrong] of [
      ['run', '../../etc/passwd'],
      ['secrets', [{ file: 1 }]],
      ['options', []],
      ['next_at', 'soon'],
      ['format', 'flowctl-message-2'],
    ] as const) {
      expect([name, readMessage({ ...message, [name]: wrong })]).toEqual([name, null]);
    }
  });
});
