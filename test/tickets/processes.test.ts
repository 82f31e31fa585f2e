/** Several real processes on one book, killed at random: a log that the holders append to is the witness. */

import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../kit/rig.ts';
import { buildProgram, type Child, runProgram } from '../store/child.ts';
import { freshState, temporaryFolder } from '../store/fixture.ts';
import { Versions } from '../../src/store/tickets/versions.ts';

const DB = 3;
const NAMES = ['gpu0', 'gpu1'];

let program: string;

beforeAll(async () => {
  // Owns a run, and takes tickets for several steps at once, again and again. Each line of the log is one append: `+` when it has
  // them, `-` before it gives them back.
  program = await buildProgram(`
    import { appendFileSync, mkdirSync } from 'node:fs';
    import { parseRunId, recordedStepKey } from '../base/ids.ts';
    import { runLayout, stateLayout } from 'store/layout.ts';
    import { lockRun } from 'store/lock.ts';
    import { Ledger } from 'store/tickets/ledger.ts';
    import { Seat } from 'store/tickets/seat.ts';
    const [root = '', id = '', log = '', rounds = '0', seed = '1'] = process.argv.slice(2);
    const run = parseRunId(id);
    if (run === null) throw new Error('no run id');
    const state = stateLayout(root);
    const layout = runLayout(state, { id: run, root: run });
    mkdirSync(layout.directory, { recursive: true, mode: 0o700 });
    const lock = await lockRun(layout.lock, run);
    if (!lock.ok) throw new Error(lock.error.kind);
    const resources = {
      db: { kind: 'amount', units: ${DB} },
      gpu: { kind: 'named', names: ${JSON.stringify(NAMES)} },
    } as const;
    const ledger = new Ledger({ state, root: run, resources });
    const seat = new Seat({ ledger, run, within: null });
    let random = Number(seed);
    const below = (n: number) => {
      random = (random * 48271) % 2147483647;
      return random % n;
    };
    console.log('ready');
    const lane = async (name: string) => {
      for (let round = 0; round < Number(rounds); round += 1) {
        const wants = [{ db: 1 }, { db: 2 }, { db: ${DB} }, { gpu: 1 }, { gpu: 2 }, { db: 1, gpu: 1 }][below(6)] ?? {};
        const step = recordedStepKey(name + round);
        const request = seat.request({ step, resources: wants, priority: below(3) }, () => undefined);
        const answer = await request.answer;
        if (answer.kind !== 'granted') throw new Error(JSON.stringify(answer));
        const entry = JSON.stringify({ pid: process.pid, step, db: wants.db ?? 0, gpu: answer.units.gpu ?? [] });
        appendFileSync(log, '+ ' + entry + '\\n');
        await new Promise((resolve) => setTimeout(resolve, below(4)));
        appendFileSync(log, '- ' + entry + '\\n');
        request.release();
      }
    };
    await Promise.all(['a', 'b', 'c'].map(lane));
    await ledger.close();
    lock.value.release();
    console.log('done');
  `);
});

interface Entry {
  readonly pid: number;
  readonly step: string;
  readonly db: number;
  readonly gpu: readonly string[];
}

/** Reads the log: never more out than there is, no name twice. @returns how many entered. */
function judge(log: string): number {
  const held = new Map<string, Entry>();
  let entered = 0;
  for (const line of readFileSync(log, 'utf8').trimEnd().split('\n')) {
    const text = line.slice(2);
    if (line.startsWith('x')) {
      for (const [key, { pid }] of held) if (pid === Number(text)) held.delete(key);
      continue;
    }
    const entry = JSON.parse(text) as Entry;
    const key = `${entry.pid} ${entry.step}`;
    if (line.startsWith('-')) held.delete(key);
    else {
      entered += 1;
      held.set(key, entry);
    }
    const out = [...held.values()];
    expect(
      out.reduce((sum, { db }) => sum + db, 0),
      line,
    ).toBeLessThanOrEqual(DB);
    const names = out.flatMap(({ gpu }) => gpu);
    expect(new Set(names).size, line).toBe(names.length);
  }
  return entered;
}

describe('several processes', () => {
  it('never have more than there is, and all come through, whoever is killed', async () => {
    const { root } = await freshState();
    const log = join(temporaryFolder(), 'log');
    let started = 0;
    const start = (rounds: number): Child => {
      started += 1;
      const id = `01j0000000000000000${String(started).padStart(7, '0')}`;
      return runProgram(program, [root, id, log, String(rounds), String(started * 7919)]);
    };
    const steady = [start(40), start(40)];
    for (let kill = 1; kill <= 6; kill += 1) {
      const victim = start(1_000_000);
      expect(await victim.nextLine()).toBe('ready');
      // Some way into its life: after it has entered so often, at whatever instant that is.
      await eventually('it has entered', 20_000, () => entriesOf(log, victim) >= kill * 3);
      // Written first: from here on what it holds may be anybody's.
      appendFileSync(log, `x ${victim.process.pid}\n`);
      victim.process.kill('SIGKILL');
      expect(await victim.ended).toBe('SIGKILL');
    }
    for (const child of steady) {
      expect([await child.nextLine(), await child.nextLine()]).toEqual(['ready', 'done']);
      expect(await child.ended).toBe(0);
    }
    expect(judge(log)).toBeGreaterThanOrEqual(2 * 3 * 40);
    const text = new Versions(join(root, 'tickets')).read(() => true).text ?? '';
    const left = JSON.parse(text) as { claims: readonly { session: string }[]; sessions: readonly unknown[] };
    // What is left is that of the last one killed, for whoever comes next.
    expect(left.sessions.length).toBeLessThanOrEqual(1);
  });
});

const entriesOf = (log: string, { process: { pid } }: Child): number => {
  try {
    return readFileSync(log, 'utf8').split(`+ {"pid":${pid},`).length - 1;
  } catch {
    return 0;
  }
};
