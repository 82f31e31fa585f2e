/** When a recorded result stands for running a step, and what is said when it does not. */

import { existsSync, lstatSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secretMark } from '../../src/base/secret-mark.ts';
import { KEPT_BYTES_LIMIT } from '../../src/cache/generated.ts';
import { err } from '../../src/base/result.ts';
import { type Asked, Desk, runId } from './desk.ts';

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => desk.remove());

const build: Asked = { sources: ['src/**'], generates: ['out'] };
const make = (): null => {
  desk.write('out', `made of ${desk.read('src/a')} and ${desk.read('src/b')}`);
  return null;
};
const CACHED = { key: null, ttl_ms: null };

describe('sources and generates, as a rule of make', () => {
  beforeEach(() => {
    desk.write('src/a', 'A');
    desk.write('src/b', 'B');
  });

  it('runs once, and stands until something changes', async () => {
    expect(await desk.perform(build, make)).toMatchObject({ ran: true, why: 'no result of it is kept' });
    expect(await desk.perform(build, make)).toMatchObject({ ran: false });
    const later = await desk.newRun().perform(build, make);
    expect(later).toMatchObject({ ran: false, why: `nothing changed since run ${runId(1)}` });
    expect(later.answer).toMatchObject({ from: { run: runId(1), step: 'only' } });
  });

  it('names the sources that changed', async () => {
    await desk.perform(build, make);
    desk.write('src/a', 'A2');
    desk.write('src/c', 'C');
    rmSync(desk.path('src/b'));
    expect(await desk.newRun().perform(build, make)).toMatchObject({
      ran: true,
      why: 'sources changed: src/a (edited), src/c (added), src/b (removed)',
    });
    for (const name of ['d', 'e', 'f', 'g', 'h']) desk.write(`src/${name}`, '');
    expect((await desk.newRun().perform(build, make)).why).toBe(
      'sources changed: src/d (added), src/e (added), src/f (added) and 2 more',
    );
  });

  it('is not impressed by times', async () => {
    await desk.perform(build, make);
    desk.touch('src/a');
    desk.touch('out');
    expect((await desk.newRun().perform(build, make)).ran).toBe(false);
  });

  it('says what is the matter with what it makes', async () => {
    await desk.perform(build, make);
    desk.write('out', 'edited');
    expect((await desk.newRun().perform(build, make)).why).toBe('out was changed');
    rmSync(desk.path('out'));
    expect((await desk.newRun().perform(build, make)).why).toBe('out is missing');
  });

  it('knows the last result only', async () => {
    await desk.perform(build, make);
    desk.write('src/a', 'A2');
    await desk.perform(build, make);
    desk.write('src/a', 'A');
    expect((await desk.newRun().perform(build, make)).ran).toBe(true);
  });

  it('runs a step that only says what it makes, always', async () => {
    const step: Asked = { generates: ['out'] };
    for (let run = 0; run < 2; run += 1) {
      expect(await desk.newRun().perform(step, make)).toMatchObject({
        ran: true,
        why: 'it has neither `sources` nor `cache`',
      });
    }
  });

  it('keeps no contents', async () => {
    await desk.perform(build, make);
    expect(readdirSync(desk.path('.flowctl/cache'))).toEqual(['steps']);
  });

  it('hands over the outputs', async () => {
    await desk.perform(build, () => {
      make();
      return { rows: 3 };
    });
    expect((await desk.newRun().perform(build, make)).outputs).toEqual({ rows: 3 });
  });

  it('keeps nothing of an attempt whose sources changed while it ran', async () => {
    await desk.perform(build, () => {
      desk.write('src/a', 'edited meanwhile');
      return make();
    });
    desk.write('src/a', 'A');
    expect((await desk.newRun().perform(build, make)).ran).toBe(true);
    expect((await desk.newRun().perform(build, make)).ran).toBe(false);
  });

  it('fails an attempt that does not make what it names', async () => {
    const { failure } = await desk.perform({ ...build, generates: ['out', 'more/*', 'log.txt'] }, make);
    expect(failure).toBe('the step did not make log.txt, which `generates` names');
    expect((await desk.newRun().perform(build, make)).why).toBe('no result of it is kept');
  });

  it('takes what the step makes for no source of it', async () => {
    const all: Asked = { sources: ['*', 'dist/**', 'src/**'], generates: ['./out', 'dist/'] };
    let time = 0;
    const stamp = () => {
      time += 1;
      desk.write('dist/a', `${time}`);
      desk.write('out', `${time}`);
      return null;
    };
    expect((await desk.perform(all, stamp)).ran).toBe(true);
    expect((await desk.newRun().perform(all, stamp)).ran).toBe(false);
    desk.write('new', '');
    expect((await desk.newRun().perform(all, stamp)).why).toBe('sources changed: new (added)');
  });

  it('comes to rest where it changes its own sources', async () => {
    const format: Asked = { sources: ['src/*'], generates: ['src/*'] };
    const trim = () => {
      desk.write('src/a', (desk.read('src/a') ?? '').trim());
      return null;
    };
    desk.write('src/a', ' A ');
    expect((await desk.newRun().perform(format, trim)).ran).toBe(true);
    expect((await desk.newRun().perform(format, trim)).ran).toBe(true);
    expect((await desk.newRun().perform(format, trim)).ran).toBe(false);
    desk.write('src/new', '');
    expect((await desk.newRun().perform(format, trim)).why).toBe('sources changed: src/new (added)');
  });

  it('compares links by where they lead, and reads those that stay inside', async () => {
    symlinkSync('/etc/hostname', desk.path('src/outside'));
    symlinkSync('../inside', desk.path('src/inside'));
    desk.write('inside', 'one');
    await desk.perform(build, make);
    expect((await desk.newRun().perform(build, make)).ran).toBe(false);
    desk.write('inside', 'two');
    expect((await desk.newRun().perform(build, make)).why).toBe('sources changed: src/inside (edited)');
    rmSync(desk.path('src/outside'));
    symlinkSync('/etc/passwd', desk.path('src/outside'));
    expect((await desk.newRun().perform(build, make)).why).toBe('sources changed: src/outside (edited)');
  });

  it('says which pattern is wrong, and runs', async () => {
    const wrong = { ...build, sources: ['a/../b'] };
    const { ran, why } = await desk.perform(wrong, make);
    expect({ ran, why }).toEqual({
      ran: true,
      why: 'the pattern `a/../b`: `..` stands at the beginning of a pattern only',
    });
    expect((await desk.newRun().perform(wrong, make)).ran).toBe(true);
  });

  it('makes nothing of damaged records but another run of the step', async () => {
    for (const damage of ['', 'null', '{"format":1}', '{"format":9}', '[]', '{"form']) {
      await desk.newRun().perform(build, make);
      const [name = ''] = readdirSync(desk.path('.flowctl/cache/steps'));
      writeFileSync(desk.path(`.flowctl/cache/steps/${name}`), damage);
      expect((await desk.newRun().perform(build, make)).why).toBe('no result of it is kept');
    }
  });
});

describe('what else a step is given', () => {
  const base: Asked = {
    work: { kind: 'shell', text: 'go', shell: 'sh' },
    env: { CC: 'gcc', OLD: '1' },
    values: { FLOWCTL_VALUE_1: 'x' },
    stdin: 'in',
    cache: CACHED,
    item: { id: 1 },
  };
  const call = (input: { [name: string]: string }, name = 'f'): Asked => ({
    cache: CACHED,
    work: { kind: 'call', module: desk.path('t.ts'), export: name, input },
  });
  const flow = (params: { [name: string]: string }): Asked => ({
    cache: CACHED,
    work: { kind: 'flow', flow: desk.path('sub.yaml'), params, child: null },
  });
  const cases: readonly (readonly [what: string, first: () => Asked, then: () => Asked, why: string])[] = [
    [
      'the command',
      () => base,
      () => ({ ...base, work: { kind: 'shell', text: 'go!', shell: 'sh' } }),
      'the command changed',
    ],
    [
      'the shell',
      () => base,
      () => ({ ...base, work: { kind: 'shell', text: 'go', shell: 'bash' } }),
      'the shell changed',
    ],
    ['a variable', () => base, () => ({ ...base, env: { CC: 'clang', OLD: '1' } }), 'env CC changed'],
    [
      'two variables',
      () => base,
      () => ({ ...base, env: { CC: 'gcc', NEW: '1' } }),
      'env NEW was added; env OLD was removed',
    ],
    [
      'a value',
      () => base,
      () => ({ ...base, values: { FLOWCTL_VALUE_1: 'y' } }),
      'a value in the command (FLOWCTL_VALUE_1) changed',
    ],
    ['the input', () => base, () => ({ ...base, stdin: 'other' }), '`stdin` changed'],
    ['the folder', () => base, () => ({ ...base, workdir: desk.path('sub') }), 'the working directory changed'],
    ['the output mode', () => base, () => ({ ...base, output: 'json' }), 'the place of the outputs changed'],
    ['the item', () => base, () => ({ ...base, item: { id: 2 } }), 'the item changed'],
    ['an argument', () => call({ a: '1' }), () => call({ a: '2' }), 'with.a changed'],
    ['the function', () => call({}), () => call({}, 'g'), 'the function changed'],
    ['a param', () => flow({ a: '1' }), () => flow({ b: '1' }), 'with.b was added; with.a was removed'],
  ];
  for (const [what, first, then, why] of cases) {
    it(`${what} counts`, async () => {
      await desk.perform(first());
      expect((await desk.newRun().perform(first())).ran).toBe(false);
      expect(await desk.newRun().perform(then())).toMatchObject({ ran: true, why });
    });
  }

  it('code counts', async () => {
    await desk.perform(call({}));
    desk.code = 'code 2';
    expect((await desk.newRun().perform(call({}))).why).toBe('the code of the function changed');
    const broken = desk.newRun({ codeOf: () => Promise.resolve(err('t.ts does not compile')) });
    expect(await broken.perform(call({}))).toMatchObject({ ran: true, why: 't.ts does not compile' });
  });

  it('a secret counts by its name, and its value is nowhere', async () => {
    await desk.perform({ ...base, env: { TOKEN: `Bearer ${secretMark('ONE')}` } });
    expect((await desk.newRun().perform({ ...base, env: { TOKEN: `Bearer ${secretMark('TWO')}` } })).why).toContain(
      'env TOKEN changed',
    );
  });

  it('the project may be moved', async () => {
    await desk.perform({ ...base, workdir: desk.path('sub') });
    const elsewhere = desk.newRun({ directory: '/elsewhere' });
    expect((await elsewhere.perform({ ...base, workdir: '/elsewhere/sub' })).ran).toBe(false);
  });

  it('another flow or step has results of its own', async () => {
    await desk.perform(base);
    expect((await desk.newRun({ scope: 'other.yaml' }).perform(base)).ran).toBe(true);
    expect((await desk.newRun().perform({ ...base, step: 'other' })).ran).toBe(true);
  });

  it('an item is found again wherever it stands in the list', async () => {
    await desk.perform({ ...base, step: 'load[0]', item: 'a' });
    expect((await desk.newRun().perform({ ...base, step: 'load[7]', item: 'a' })).ran).toBe(false);
    expect((await desk.newRun().perform({ ...base, step: 'load[0]', item: 'b' })).ran).toBe(true);
  });
});

describe('cache', () => {
  const cached: Asked = { ...build, cache: CACHED };
  beforeEach(() => {
    desk.write('src/a', 'A');
    desk.write('src/b', 'B');
  });

  it('remembers every earlier result, and restores its files', async () => {
    await desk.perform(cached, () => {
      make();
      desk.makeExecutable('out');
      return 'first';
    });
    desk.write('src/a', 'A2');
    await desk.perform(cached, make);
    desk.write('src/a', 'A');
    const again = await desk.newRun().perform(cached, make);
    expect(again).toMatchObject({ ran: false, outputs: 'first' });
    expect(again.why).toBe(`nothing changed since run ${runId(1)}; restored: out was changed`);
    expect(desk.read('out')).toBe('made of A and B');
    expect(statSync(desk.path('out')).mode & 0o777).toBe(0o755);
  });

  it('restores what is missing, folders too', async () => {
    const step: Asked = { cache: CACHED, generates: ['dist'] };
    await desk.perform(step, () => {
      desk.write('dist/a/.b', 'deep');
      desk.write('dist/c', 'flat');
      return null;
    });
    rmSync(desk.path('dist'), { recursive: true });
    expect((await desk.newRun().perform(step)).ran).toBe(false);
    expect([desk.read('dist/a/.b'), desk.read('dist/c')]).toEqual(['deep', 'flat']);
  });

  it('runs when what it kept is damaged or gone', async () => {
    await desk.perform(cached, make);
    const files = readdirSync(desk.path('.flowctl/cache/files'), { recursive: true, encoding: 'utf8' });
    const kept = files.find((name) => name.length > 60) ?? '';
    const path = desk.path(`.flowctl/cache/files/${kept}`);
    writeFileSync(path, 'x'.repeat(statSync(path).size));
    rmSync(desk.path('out'));
    expect((await desk.newRun().perform(cached, make)).why).toBe('out could not be restored');
    rmSync(desk.path('out'));
    rmSync(path, { force: true });
    expect((await desk.newRun().perform(cached, make)).why).toBe('out is missing');
  });

  it('keeps large outputs, and sees when they are gone', async () => {
    const step: Asked = { cache: CACHED };
    const large = { text: 'x'.repeat(100_000) };
    await desk.perform(step, () => large);
    expect((await desk.newRun().perform(step)).outputs).toEqual(large);
    rmSync(desk.path('.flowctl/cache/files'), { recursive: true });
    expect((await desk.newRun().perform(step, () => large)).why).toBe('its outputs are no longer kept');
  });

  it('ends with its time', async () => {
    const step: Asked = { cache: { key: null, ttl_ms: 3_600_000 } };
    await desk.perform(step);
    desk.now += 3_599_000;
    expect((await desk.newRun().perform(step)).ran).toBe(false);
    desk.now += 1_000;
    expect((await desk.newRun().perform(step)).why).toBe('the result is older than 1h00m');
  });

  it('a key decides alone, within its step', async () => {
    const keyed = (key: string, more: Asked = {}): Asked => ({ ...build, ...more, cache: { key, ttl_ms: null } });
    await desk.perform(keyed('v1'), make);
    desk.write('src/a', 'other');
    const other: Asked = { work: { kind: 'argv', argv: ['other'] }, env: { A: '1' } };
    expect((await desk.newRun().perform(keyed('v1', other), make)).ran).toBe(false);
    expect((await desk.newRun().perform(keyed('v2'), make)).why).toBe('nothing is kept under the key `v2`');
    expect((await desk.newRun().perform(keyed('v1', { step: 'other' }), make)).ran).toBe(true);
    expect((await desk.newRun().perform(keyed('v1', { step: 'only[1]' }), make)).ran).toBe(true);
  });

  it('makes no copy of what was made with secrets, but compares it', async () => {
    const secret = { secrets: ['TOKEN'] };
    await desk.perform(cached, make, secret);
    expect(existsSync(desk.path('.flowctl/cache/files'))).toBe(false);
    expect((await desk.newRun().perform(cached, make, secret)).ran).toBe(false);
    rmSync(desk.path('out'));
    expect((await desk.newRun().perform(cached, make, secret)).why).toBe('out is missing');
  });

  it('makes no copy of what is too large', async () => {
    const step: Asked = { cache: CACHED, generates: ['big'] };
    const big = () => {
      desk.write('big', 'x'.repeat(KEPT_BYTES_LIMIT + 1));
      return null;
    };
    await desk.perform(step, big);
    expect(existsSync(desk.path('.flowctl/cache/files'))).toBe(false);
    expect((await desk.newRun().perform(step)).ran).toBe(false);
  });

  it('is private', async () => {
    await desk.perform(cached, make);
    for (const name of readdirSync(desk.path('.flowctl/cache'), { recursive: true, encoding: 'utf8' })) {
      const entry = lstatSync(desk.path(`.flowctl/cache/${name}`));
      expect(entry.mode & 0o777, name).toBe(entry.isDirectory() ? 0o700 : 0o600);
    }
  });

  it('a result that cannot be kept is told, and harms nobody', async () => {
    desk.write('.flowctl/cache/steps', 'a file where a folder belongs');
    expect((await desk.perform(build, make)).failure).toBe(null);
    expect(desk.warnings).toHaveLength(1);
    expect(desk.warnings[0]).toContain('the result of `only` could not be kept for reuse');
  });
});

describe('flags', () => {
  it('--no-cache reuses nothing, and keeps what is made', async () => {
    await desk.perform({ cache: CACHED }, () => 1);
    expect(await desk.newRun({ noCache: true }).perform({ cache: CACHED }, () => 2)).toMatchObject({
      ran: true,
      why: '--no-cache',
    });
    expect((await desk.newRun().perform({ cache: CACHED })).outputs).toBe(2);
  });

  it('--force names a step with all that is in it', async () => {
    for (const step of ['a', 'a[0]', 'a/b', 'ab', 'x/a']) await desk.perform({ cache: CACHED, step });
    desk.newRun({ force: ['a'] });
    const ran = async (step: string) => (await desk.perform({ cache: CACHED, step })).why;
    expect(await ran('a')).toBe('--force a');
    expect(await ran('a[0]')).toBe('--force a');
    expect(await ran('a/b')).toBe('--force a');
    expect(await ran('ab')).toContain('nothing changed');
    expect(await ran('x/a')).toContain('nothing changed');
  });
});

describe('explain', () => {
  it('says the same and touches nothing', async () => {
    const step: Asked = { cache: CACHED, generates: ['out'] };
    await desk.perform(step, make);
    rmSync(desk.path('out'));
    const finding = await desk.newRun().earlier.explain(desk.request(step));
    expect(finding).toMatchObject({ kind: 'reuse', restore: [{ kind: 'missing' }] });
    expect(existsSync(desk.path('out'))).toBe(false);
  });
});

describe('files that are known', () => {
  const sources: Asked = { sources: ['src/**'] };
  beforeEach(() => {
    for (let index = 0; index < 20; index += 1) desk.write(`src/${index}`, String(index));
  });

  it('are not read again', async () => {
    await desk.perform(sources);
    const { earlier } = desk.newRun();
    expect((await desk.perform(sources)).ran).toBe(false);
    expect(earlier.contents.reads).toBe(0);
    desk.write('src/3', 'new');
    expect((await desk.newRun().perform(sources)).ran).toBe(true);
    expect(desk.earlier.contents.reads).toBe(1);
  });

  it('are read again when they changed shortly before they were hashed', async () => {
    desk.now = Date.now();
    await desk.perform(sources);
    expect((await desk.newRun().perform(sources)).ran).toBe(false);
    expect(desk.earlier.contents.reads).toBe(20);
    // Now they are old, and their content is known.
    desk.now += 10_000;
    await desk.newRun().perform(sources);
    expect(desk.earlier.contents.reads).toBe(20);
    await desk.newRun().perform(sources);
    expect(desk.earlier.contents.reads).toBe(0);
  });
});
