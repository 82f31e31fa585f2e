import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FileLook, fileNews, type FoundFile, type UnsettledFile } from '../../src/events/file-news.ts';
import type { KnownFile } from '../../src/model/trigger-memory.ts';

const look: FileLook = {
  ...{ now: 0, since_ms: null, settle_ms: 2_000, on: ['created', 'changed'], isOnce: false, room: 1_000 },
};
const found = (path: string, at: number, more: Partial<FoundFile> = {}): FoundFile => {
  return { path, mtime_ms: at, ctime_ms: at, size: 1, ino: 1, ...more };
};
const known = (at: number, more: Partial<KnownFile> = {}): KnownFile => {
  return { mtime_ms: at, size: 1, ino: 1, gone_ms: null, ...more };
};

/** Looks at two instants. */
function twice(
  files: { readonly [path: string]: KnownFile },
  here: readonly FoundFile[],
  more: Partial<FileLook>,
): readonly string[] {
  const first = fileNews(files, here, new Map(), { ...look, now: 10_000, ...more });
  const second = fileNews(first.files, here, first.unsettled, { ...look, ...more, since_ms: null, now: 12_000 });
  return [...first.events, ...second.events].map(({ file, change }) => `${file.path} ${change}`);
}

describe('what happened to files', () => {
  it('what was there before the watch began is no news, and what came after it is', () => {
    const here = [found('old', 4_000), found('new', 6_000), found('same', 5_000)];
    expect(twice({}, here, { since_ms: 5_000 })).toEqual(['new created']);
  });

  it('a file that was copied with an old date is new, for it was made here later', () => {
    expect(twice({}, [found('a', 1_000, { ctime_ms: 6_000 })], { since_ms: 5_000 })).toEqual(['a created']);
  });

  it('of what came between the deployment and the first look nobody knows whether it is new: it is what the trigger wants', () => {
    expect(twice({}, [found('a', 6_000)], { since_ms: 5_000, on: ['changed'] })).toEqual(['a changed']);
    expect(twice({}, [found('a', 6_000)], { on: ['changed'] })).toEqual([]);
  });

  it('tells changes of time, size and inode, and nothing else', () => {
    const files = { a: known(1), b: known(1), c: known(1), d: known(1) };
    const here = [found('a', 1), found('b', 2), found('c', 1, { size: 2 }), found('d', 1, { ino: 2 })];
    expect(twice(files, here, {})).toEqual(['c changed', 'd changed', 'b changed']);
  });

  it('a folder that was gone for a while holds no news', () => {
    const files = { a: known(1), b: known(1) };
    const gone = fileNews(files, [], new Map(), { ...look, now: 5_000 });
    expect(gone.files).toEqual({ a: known(1, { gone_ms: 5_000 }), b: known(1, { gone_ms: 5_000 }) });
    expect(twice(gone.files, [found('a', 1), found('b', 7_000)], {})).toEqual(['b created']);
    const forgotten = fileNews(gone.files, [], new Map(), { ...look, now: 8 * 86_400_000 });
    expect(forgotten.files).toEqual({});
  });

  it('who looks only once goes by the time of the file, unless a clock is wrong', () => {
    const once = (at: number): number =>
      fileNews({}, [found('a', at)], new Map(), { ...look, now: 10_000, isOnce: true }).events.length;
    expect([once(8_001), once(8_000), once(11_000), once(99_000)]).toEqual([0, 1, 0, 1]);
  });

  it('files for which there is no room stay unknown, the oldest go first', () => {
    const here = [found('c', 3), found('a', 1), found('b', 2)];
    const first = fileNews({}, here, new Map(), { ...look, settle_ms: 0, now: 10, room: 2 });
    expect(first.events.map(({ file }) => file.path)).toEqual(['a', 'b']);
    expect(Object.keys(first.files)).toEqual(['a', 'b']);
    const second = fileNews(first.files, here, first.unsettled, { ...look, settle_ms: 0, now: 20, room: 2 });
    expect(second.events.map(({ file }) => file.path)).toEqual(['c']);
  });

  const step = fc.record({
    wait: fc.integer({ min: 0, max: 2_500 }),
    file: fc.constantFrom('a', 'b', 'c', null),
    what: fc.constantFrom<'write' | 'remove'>('write', 'write', 'remove'),
    isLook: fc.boolean(),
  });

  it('every version that stands still is told once, and none before it does', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const here = new Map<string, FoundFile>();
        let memory: { readonly [path: string]: KnownFile } = {};
        let unsettled: ReadonlyMap<string, UnsettledFile> = new Map();
        let now = 1_000;
        const told: string[] = [];
        const observe = (): void => {
          const news = fileNews(memory, [...here.values()], unsettled, { ...look, now });
          for (const { file } of news.events) {
            expect(now - file.ctime_ms).toBeGreaterThanOrEqual(look.settle_ms);
            told.push(`${file.path} ${file.mtime_ms}`);
          }
          // What a crash would leave.
          memory = JSON.parse(JSON.stringify(news.files)) as typeof memory;
          ({ unsettled } = news);
        };
        for (const { wait, file, what, isLook } of steps) {
          now += wait;
          if (file !== null && what === 'write') {
            now += 1;
            here.set(file, found(file, now));
          } else if (file !== null) here.delete(file);
          if (isLook) observe();
        }
        observe();
        now += look.settle_ms;
        observe();
        expect(new Set(told).size).toBe(told.length);
        for (const { path, mtime_ms } of here.values()) expect(told).toContain(`${path} ${mtime_ms}`);
      }),
      { numRuns: 1_000 },
    ));
});
