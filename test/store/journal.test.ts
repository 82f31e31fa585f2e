import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import { crc32, tableCrc32 } from '../../src/store/crc32.ts';
import { type FileOperations, fileOperations } from '../../src/store/file-operations.ts';
import { type JournalReading, readJournal } from '../../src/store/journal-reader.ts';
import { createJournal, type FileJournal } from '../../src/store/journal.ts';
import { StateError } from '../../src/store/problem.ts';
import { LONGEST_LINE_BYTES, sealAfter, sealLine } from '../../src/store/sealed-line.ts';
import { FLOW_HASH, numbered, runId, temporaryFolder, wholeRun } from './fixture.ts';

const HEADER = { journal: '1.0', run: runId(1), flow_hash: FLOW_HASH, flowctl: '0.0.0-test' };

interface Read extends JournalReading {
  readonly events: readonly RunEvent[];
}

async function read(path: string): Promise<Read> {
  const events: RunEvent[] = [];
  const reading = await readJournal(path, (event) => events.push(event));
  return { ...reading, events };
}

const freshPath = (): string => join(temporaryFolder(), 'journal.ndjson');

/** A journal with the events of one run. */
async function sample(): Promise<{
  readonly path: string;
  readonly events: readonly RunEvent[];
  readonly bytes: Buffer;
}> {
  const path = freshPath();
  const events = numbered(wholeRun());
  const journal = createJournal(path, HEADER, { durability: 'full' });
  await journal.append(events);
  await journal.close();
  return { path, events, bytes: readFileSync(path) };
}

/** Operations whose n-th call, counted over writes and syncs from 1, fails. */
function failingAt(n: number, code: string): { readonly operations: FileOperations; readonly calls: () => number } {
  let calls = 0;
  const failure = () => Object.assign(new Error(code), { code, syscall: 'write' });
  return {
    calls: () => calls,
    operations: {
      write(fd, bytes, offset, length, settled) {
        calls += 1;
        if (calls === n) queueMicrotask(() => settled(failure(), 0));
        else fileOperations.write(fd, bytes, offset, length, settled);
      },
      sync(fd, settled) {
        calls += 1;
        if (calls === n) queueMicrotask(() => settled(failure()));
        else fileOperations.sync(fd, settled);
      },
    },
  };
}

describe('a journal line', () => {
  it('is JSON whose last member is the CRC-32 of the bytes before it', async () => {
    const { bytes } = await sample();
    const lines = bytes.toString().trimEnd().split('\n');
    for (const line of lines) {
      const end = Buffer.byteLength(line) - 18;
      const { crc, ...rest } = JSON.parse(line) as { crc: string };
      expect(line.endsWith(`,"crc":"${crc}"}`)).toBe(true);
      expect(crc).toBe(tableCrc32(Buffer.from(line).subarray(0, end)).toString(16).padStart(8, '0'));
      expect(Object.keys(rest)[0]).toBe(line === lines[0] ? 'journal' : 'seq');
    }
  });

  it('names the checksum of the line before it, so that a line of another journal is not taken for one of this', async () => {
    const { path, bytes } = await sample();
    const lines = bytes.toString().trimEnd().split('\n');
    const crcs = lines.map((line) => (JSON.parse(line) as { crc: string }).crc);
    const links = lines.map((line) => (JSON.parse(line) as { prev?: string }).prev);
    expect(links).toEqual([undefined, ...crcs.slice(0, -1)]);
    const other = sealAfter(
      JSON.stringify(numbered(wholeRun({ steps: ['x', 'y', 'z'] }))[3] ?? {}),
      crcs.at(-1) ?? null,
    ).line;
    writeFileSync(path, [...lines.slice(0, 4), other.trimEnd(), ...lines.slice(5), ''].join('\n'));
    expect((await read(path)).damage).toMatchObject({ message: expect.stringContaining('does not belong behind') });
    // Those of flowctl 0.1 have no such member.
    const old = lines.map((line) => {
      const { crc: _, prev: __, ...object } = JSON.parse(line) as { crc: string; prev?: string };
      return sealLine(JSON.stringify(object));
    });
    writeFileSync(path, old.join(''));
    expect(await read(path)).toMatchObject({ damage: null, torn: null, lastSeq: lines.length - 1 });
  });

  it('has the same checksum by table and by zlib', () => {
    expect(tableCrc32('123456789')).toBe(0xcbf43926);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => crc32(text) === tableCrc32(text)));
  });

  it('takes less than 195 bytes for an event of an attempt, on average', async () => {
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'full' });
    const events = numbered(wholeRun())
      .slice(1, 3)
      .map((event, index) => ({ ...event, seq: index + 1 }));
    const slim = events.map((event) => (event.type === 'attempt.finished' ? { ...event, outputs: null } : event));
    await journal.append(slim);
    const header = readFileSync(path).indexOf(10) + 1;
    expect((journal.counts.bytes - header) / 2).toBeLessThan(195);
    await journal.close();
  });
});

describe('append', () => {
  it('gives back what was appended, in order', async () => {
    const { path, events } = await sample();
    expect(await read(path)).toEqual({
      header: HEADER,
      events,
      lastSeq: events.length,
      lastCrc: readFileSync(path, 'latin1').trimEnd().slice(-10, -2),
      torn: null,
      damage: null,
      foreignFormat: null,
    });
  });

  it('takes all that is queued with one write and one sync', async () => {
    const journal = createJournal(freshPath(), HEADER, { durability: 'full' });
    const events = numbered(wholeRun());
    await Promise.all(events.map((event) => journal.append([event])));
    expect(journal.counts).toMatchObject({ events: events.length, writes: 1, syncs: 1 });
    await journal.close();
  });

  it('syncs once for each serial step', async () => {
    const journal = createJournal(freshPath(), HEADER, { durability: 'full' });
    for (const event of numbered(wholeRun())) await journal.append([event]);
    expect(journal.counts).toMatchObject({ writes: 8, syncs: 8 });
    await journal.close();
  });

  it('queues for the next sync what comes during one', async () => {
    const held: (() => void)[] = [];
    const operations: FileOperations = { ...fileOperations, sync: (_fd, settled) => held.push(() => settled(null)) };
    const journal = createJournal(freshPath(), HEADER, { durability: 'full', operations });
    const events = numbered(wholeRun());
    const first = journal.append(events.slice(0, 1));
    while (held.length === 0) await new Promise(setImmediate);
    const others = Promise.all(events.slice(1).map((event) => journal.append([event])));
    expect(journal.counts.writes).toBe(1);
    held.shift()?.();
    await first;
    while (held.length === 0) await new Promise(setImmediate);
    held.shift()?.();
    await others;
    expect(journal.counts).toMatchObject({ writes: 2, syncs: 2 });
  });

  it('does not make a written record wait for a sync that is under way', async () => {
    const held: (() => void)[] = [];
    const operations: FileOperations = { ...fileOperations, sync: (_fd, settled) => held.push(() => settled(null)) };
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'full', operations });
    const events = numbered(wholeRun());
    let durable = false;
    const first = journal.append(events.slice(0, 1)).then(() => (durable = true));
    while (held.length === 0) await new Promise(setImmediate);
    await journal.appendWritten(events.slice(1, 2));
    expect(durable).toBe(false);
    expect((await read(path)).lastSeq).toBe(2);
    held.shift()?.();
    await first;
  });

  it('never syncs under `durability: process`', async () => {
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'process' });
    await journal.append(numbered(wholeRun()));
    expect((await read(path)).lastSeq).toBe(8);
    await journal.close();
    expect(journal.counts.syncs).toBe(0);
  });

  it('syncs on close what was only written', async () => {
    const journal = createJournal(freshPath(), HEADER, { durability: 'full' });
    await journal.appendWritten(numbered(wholeRun()));
    expect(journal.counts.syncs).toBe(0);
    await journal.close();
    expect(journal.counts.syncs).toBe(1);
  });

  it('refuses an event that does not follow the last one', async () => {
    const journal = createJournal(freshPath(), HEADER, { durability: 'process' });
    expect(() => journal.append(numbered(wholeRun(), 2))).toThrow('event 2 was appended after event 0');
    await journal.close();
  });

  it('does not replace a journal that is there', async () => {
    const { path } = await sample();
    expect(() => createJournal(path, HEADER, { durability: 'full' })).toThrow('EEXIST');
  });

  it('goes on where a write came up short, at any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), async (lengths) => {
        let turn = 0;
        const operations: FileOperations = {
          ...fileOperations,
          write(fd, bytes, offset, length, settled) {
            const most = lengths[turn++ % lengths.length] ?? 1;
            fileOperations.write(fd, bytes, offset, Math.min(length, most), settled);
          },
        };
        const path = freshPath();
        const journal = createJournal(path, HEADER, { durability: 'full', operations });
        await journal.append(numbered(wholeRun()));
        await journal.close();
        expect((await read(path)).events).toEqual(numbered(wholeRun()));
      }),
      { numRuns: 25 },
    );
  });
});

describe('the first error', () => {
  /** Appends one event after the other, as a chain of steps does; the number that was acknowledged. */
  async function appendChain(journal: FileJournal): Promise<number> {
    let acknowledged = 0;
    for (const event of numbered(wholeRun())) {
      try {
        await journal.append([event]);
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
        expect(error).toMatchObject({ exitCode: 74 });
        return acknowledged;
      }
      acknowledged += 1;
    }
    return acknowledged;
  }

  it.each(['EIO', 'ENOSPC'])(
    'at any write or sync poisons the journal (%s): what was acknowledged is there',
    async (code) => {
      for (let n = 1; n <= 16; n += 1) {
        const path = freshPath();
        const { operations, calls } = failingAt(n, code);
        const journal = createJournal(path, HEADER, { durability: 'full', operations });
        const acknowledged = await appendChain(journal);
        expect(acknowledged).toBe(Math.floor((n - 1) / 2));
        expect(journal.poison?.problem).toMatchObject({ kind: 'io', file: path, code });
        await expect(journal.append([])).rejects.toBe(journal.poison);
        await expect(journal.appendWritten([])).rejects.toBe(journal.poison);
        await journal.close();
        expect(calls()).toBe(n);
        expect((await read(path)).lastSeq).toBeGreaterThanOrEqual(acknowledged);
      }
    },
  );

  it('rejects everybody who waits, also for what is only queued', async () => {
    const { operations } = failingAt(2, 'EIO');
    const journal = createJournal(freshPath(), HEADER, { durability: 'full', operations });
    const events = numbered(wholeRun());
    const first = journal.append(events.slice(0, 1));
    const second = first.catch(() => journal.append(events.slice(1, 2)));
    const written = journal.appendWritten(events.slice(1, 2));
    await expect(first).rejects.toMatchObject({ exitCode: 74 });
    await expect(second).rejects.toMatchObject({ exitCode: 74 });
    await written;
    await journal.close();
  });

  it('of a write does not take back what an earlier sync makes durable', async () => {
    const held: (() => void)[] = [];
    let writes = 0;
    const operations: FileOperations = {
      write(fd, bytes, offset, length, settled) {
        writes += 1;
        if (writes === 2) settled(Object.assign(new Error('full'), { code: 'ENOSPC' }), 0);
        else fileOperations.write(fd, bytes, offset, length, settled);
      },
      sync: (_fd, settled) => held.push(() => settled(null)),
    };
    const journal = createJournal(freshPath(), HEADER, { durability: 'full', operations });
    const events = numbered(wholeRun());
    const first = journal.append(events.slice(0, 1));
    while (held.length === 0) await new Promise(setImmediate);
    await expect(journal.appendWritten(events.slice(1, 2))).rejects.toMatchObject({ exitCode: 74 });
    held.shift()?.();
    await first;
    await journal.close();
  });

  it('is a write that writes nothing', async () => {
    const operations: FileOperations = { ...fileOperations, write: (_f, _b, _o, _l, settled) => settled(null, 0) };
    const journal = createJournal(freshPath(), HEADER, { durability: 'full', operations });
    await expect(journal.append(numbered(wholeRun()))).rejects.toMatchObject({ exitCode: 74 });
    await journal.close();
  });
});

describe('an event that is too long to be read back', () => {
  /** An event of a line of so many bytes, newline not counted. */
  const ofLength = (bytes: number): RunEvent => {
    const event = (message: string): RunEvent => ({
      seq: 2,
      time: '2026-01-01T00:00:00.000Z',
      type: 'warning.raised',
      step: null,
      attempt: null,
      code: 'log_truncated',
      message,
    });
    return event('x'.repeat(bytes - sealAfter(JSON.stringify(event('')), '00000000').line.length + 1));
  };

  it('is refused, and nothing of it is written', async () => {
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'process' });
    const [first] = numbered(wholeRun());
    if (first === undefined) throw new Error('no event');
    await journal.append([first]);
    const refused = journal.append([ofLength(LONGEST_LINE_BYTES + 1)]);
    await expect(refused).rejects.toMatchObject({ exitCode: 74, problem: { kind: 'io', code: 'EMSGSIZE' } });
    await expect(journal.append([])).rejects.toBe(journal.poison);
    await journal.close();
    expect(await read(path)).toMatchObject({ events: [first], torn: null, damage: null });
  });

  it('is one byte longer than the longest that is read back', async () => {
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'process' });
    await journal.append([...numbered(wholeRun()).slice(0, 1), ofLength(LONGEST_LINE_BYTES)]);
    await journal.close();
    expect(await read(path)).toMatchObject({ lastSeq: 2, torn: null, damage: null });
  });
});

describe('a journal that is no longer at its path', () => {
  it.each(['full', 'process'] as const)('acknowledges nothing (%s)', async (durability) => {
    const replace = (path: string) => {
      rmSync(path);
      writeFileSync(path, '');
    };
    const losses: readonly (readonly [string, (path: string) => void])[] = [
      ['ENOENT', (path) => renameSync(dirname(path), `${dirname(path)}-moved`)],
      ['ENOENT', (path) => rmSync(dirname(path), { recursive: true })],
      ['ESTALE', replace],
    ];
    for (const [code, lose] of losses) {
      const folder = join(temporaryFolder(), 'run');
      mkdirSync(folder);
      const path = join(folder, 'journal.ndjson');
      const journal = createJournal(path, HEADER, { durability });
      const events = numbered(wholeRun());
      await journal.append(events.slice(0, 1));
      lose(path);
      const failure = { exitCode: 74, problem: { kind: 'io', file: path, code } };
      await expect(journal.append(events.slice(1))).rejects.toMatchObject(failure);
      await expect(journal.append([])).rejects.toThrow('the state directory was moved or removed');
      await journal.close();
    }
  });
});

describe('I7: a reader sees the same records, a torn tail or damage, never another history', () => {
  const isPrefix = (events: readonly RunEvent[], whole: readonly RunEvent[]) =>
    expect(events).toEqual(whole.slice(0, events.length));

  it('after the file was cut at any byte', async () => {
    const { path, events, bytes } = await sample();
    for (let length = 0; length < bytes.length; length += 1) {
      writeFileSync(path, bytes.subarray(0, length));
      const reading = await read(path);
      isPrefix(reading.events, events);
      const end = bytes.lastIndexOf(10, length - 1) + 1;
      expect(reading.damage).toBeNull();
      expect(reading.torn).toEqual(length === 0 || end === length ? null : { offset: end, bytes: length - end });
    }
  });

  it('after the file was zeroed from any byte', async () => {
    const { path, events, bytes } = await sample();
    for (let from = 0; from < bytes.length; from += 1) {
      writeFileSync(path, Buffer.from(bytes).fill(0, from));
      const reading = await read(path);
      isPrefix(reading.events, events);
      expect(reading.damage).toBeNull();
      expect(reading.torn?.offset).toBe(bytes.subarray(0, from).lastIndexOf(10) + 1);
    }
  });

  it('after any bit was flipped', async () => {
    const { path, events, bytes } = await sample();
    const lastLine = bytes.subarray(0, -1).lastIndexOf(10) + 1;
    const counts = { refused: 0, torn: 0 };
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const flipped = Buffer.from(bytes);
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, flipped);
      const reading = await read(path);
      isPrefix(reading.events, events);
      expect(reading.events.length).toBeLessThan(events.length);
      if (reading.damage === null) {
        counts.torn += 1;
        expect(reading.torn?.offset).toBe(lastLine);
      } else {
        counts.refused += 1;
        expect(reading.damage.offset).toBe(bytes.subarray(0, at).lastIndexOf(10) + 1);
      }
    }
    expect(counts.refused).toBeGreaterThan(counts.torn * 20);
  });

  it('after bytes anywhere were replaced, removed or put in', async () => {
    const { path, events, bytes } = await sample();
    const edit = fc.record({
      at: fc.nat(bytes.length),
      remove: fc.nat(400),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, remove, put }) => {
        writeFileSync(path, Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + remove)]));
        isPrefix((await read(path)).events, events);
      }),
      { numRuns: 300 },
    );
  });

  it('after a whole line was lost, doubled or moved', async () => {
    const { path, events, bytes } = await sample();
    const lines = bytes.toString().trimEnd().split('\n');
    const variants = [
      lines.toSpliced(3, 1),
      lines.toSpliced(3, 0, lines[3] ?? ''),
      [...lines.slice(0, 3), ...lines.slice(4, 5), ...lines.slice(3, 4), ...lines.slice(5)],
      lines.slice(1),
    ];
    for (const variant of variants) {
      writeFileSync(path, `${variant.join('\n')}\n`);
      const reading = await read(path);
      isPrefix(reading.events, events);
      expect(reading.damage).not.toBeNull();
    }
  });
});

describe('a reader', () => {
  it('reads lines that lie across chunks, and long ones', async () => {
    const path = freshPath();
    const journal = createJournal(path, HEADER, { durability: 'process' });
    const events = numbered(wholeRun()).map((event) =>
      event.type === 'attempt.finished'
        ? { ...event, outputs: { kind: 'inline' as const, value: 'é'.repeat(300_000) } }
        : event,
    );
    await journal.append(events);
    await journal.close();
    expect((await read(path)).events).toEqual(events);
  });

  it('passes over events of a later minor version, and keeps counting', async () => {
    const path = freshPath();
    const journal = createJournal(path, { ...HEADER, journal: '1.7' }, { durability: 'process' });
    const events = numbered(wholeRun());
    const later = { type: 'step.dreamt', seq: 2, time: events[1]?.time ?? '' } as unknown as RunEvent;
    await journal.append([...events.slice(0, 1), later, ...numbered(wholeRun().slice(1), 3)]);
    await journal.close();
    const reading = await read(path);
    expect(reading.lastSeq).toBe(events.length + 1);
    expect(reading.events.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
  });

  it('names the format of another major version and takes nothing from it', async () => {
    const path = freshPath();
    const journal = createJournal(path, { ...HEADER, journal: '2.0' }, { durability: 'process' });
    await journal.append(numbered(wholeRun()));
    await journal.close();
    expect(await read(path)).toMatchObject({ foreignFormat: '2.0', events: [], torn: null, damage: null });
  });
});
