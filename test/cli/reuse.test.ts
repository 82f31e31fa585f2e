/** Steps that are not run again, through the real program. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { Rig } from '../kit/rig.ts';

const given = useCase();

/** What `show` says of a step: how it came to its end, and why. */
async function fateOf(step: string): Promise<string> {
  const { cached, state, why } = stepOf(await shown(given.rig), step);
  return `${cached ? 'reused' : state}: ${(why ?? '').replace(/[0-9a-z]{26}/g, 'ID')}`;
}

const ran = (rig: Rig): readonly string[] => {
  const effects = rig.effects();
  rmSync(rig.path('effects'), { force: true });
  return effects;
};

const NOTED = 'echo "$FLOWCTL_STEP" >> "$EFFECTS"';

const BUILD = `name: build
steps:
  words:
    run: ${NOTED}; cat texts/*.txt | sort > words.txt
    shell: bash
    sources: texts/*.txt
    generates: words.txt
  count:
    needs: words
    run: ${NOTED}; wc -l < words.txt > counts.txt; echo lines=$(cat counts.txt) > "$FLOWCTL_OUTPUT"
    sources: words.txt
    generates: counts.txt
  tell: { needs: count, run: '${NOTED}; echo "\${{ steps.count.outputs.lines }}"' }
`;

describe('sources and generates', () => {
  it('stand until something changes, with their outputs, and stop early', async () => {
    const { rig } = given;
    rig.write('build.yaml', BUILD);
    rig.write('texts/a.txt', 'b\na\n');
    expect((await rig.flowctl('run', 'build.yaml')).code).toBe(0);
    expect(ran(rig)).toEqual(['words', 'count', 'tell']);
    expect(await fateOf('words')).toBe('succeeded: no result of it is kept');

    const again = await rig.flowctl('run', 'build.yaml');
    expect(again.stdout).toContain('count reused: nothing changed since run');
    expect(again.stdout).toContain(': 2 reused, 1 succeeded');
    expect(ran(rig)).toEqual(['tell']);
    expect((await rig.flowctl('logs', 'tell')).stdout).toBe('2\n');
    const [row] = await rig.query<{ steps: object }[]>('runs');
    expect(row?.steps).toEqual({ total: 3, succeeded: 3, failed: 0, skipped: 0, cached: 2 });

    rig.write('texts/b.txt', 'c\n');
    const third = await rig.flowctl('run', 'build.yaml');
    expect(third.stdout).toContain('words started: sources changed: texts/b.txt (added)');
    expect(ran(rig)).toEqual(['words', 'count', 'tell']);

    rig.write('texts/a.txt', 'a\nb\n');
    await rig.flowctl('run', 'build.yaml');
    expect(ran(rig)).toEqual(['words', 'tell']);
    expect(await fateOf('count')).toBe('reused: nothing changed since run ID');
  });

  it('give way to --force and --no-cache', async () => {
    const { rig } = given;
    rig.write('build.yaml', BUILD);
    rig.write('texts/a.txt', 'a\n');
    await rig.flowctl('run', 'build.yaml');
    ran(rig);
    await rig.flowctl('run', 'build.yaml', '--force', 'count');
    expect(ran(rig)).toEqual(['count', 'tell']);
    expect(await fateOf('count')).toBe('succeeded: --force count');
    await rig.flowctl('run', 'build.yaml', '--no-cache');
    expect(ran(rig)).toEqual(['words', 'count', 'tell']);
    expect(await fateOf('words')).toBe('succeeded: --no-cache');
  });

  it('fail a step that does not make what it names, and run it again', async () => {
    const { rig } = given;
    rig.write('f.yaml', `name: f\nsteps:\n  a: { run: '${NOTED}', sources: f.yaml, generates: [out] }\n`);
    const failed = await rig.flowctl('run', 'f.yaml');
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('the step did not make out, which `generates` names');
    await rig.flowctl('run', 'f.yaml');
    expect(ran(rig)).toEqual(['a', 'a']);
  });

  it('see no half of a file, whoever was killed', async () => {
    const { rig } = given;
    const stage = await given.stage();
    given.mayLeaveStrays();
    const half = Stage.step('half');
    rig.write('wait.sh', `${(JSON.parse(half) as string[]).map((word) => `'${word}'`).join(' ')}\n`);
    rig.write('in', '1');
    rig.write(
      'f.yaml',
      `name: f
steps:
  b: { run: 'test ! -e out; echo half > out; . ./wait.sh; echo whole > out', sources: in, generates: out }
`,
    );
    const life = rig.start(['run', 'f.yaml']);
    await stage.enter('half');
    expect(rig.read('out')).toBe('half\n');
    life.process.kill('SIGKILL');
    await life.ended;
    const resumed = rig.start(['resume']);
    await (await stage.enter('half')).exit(0);
    expect((await resumed.ended).code).toBe(0);
    expect(rig.read('out')).toBe('whole\n');
    expect(stepOf(await shown(rig), 'b').attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
    const next = await rig.flowctl('run', 'f.yaml');
    expect(next.stdout).toContain('b reused');
  });
});

describe('cache', () => {
  it('reuses outputs and items of a map by what they are given', async () => {
    const { rig } = given;
    const flow = (items: string) => `name: f
steps:
  load:
    foreach: ${items}
    run: '${NOTED}; echo "n=$FLOWCTL_ITEM" > "$FLOWCTL_OUTPUT"'
    cache: true
outputs: { all: "\${{ steps.load.outputs }}" }
`;
    rig.write('f.yaml', flow('[1, 2, 3]'));
    await rig.flowctl('run', 'f.yaml');
    expect([...ran(rig)].sort()).toEqual(['load[0]', 'load[1]', 'load[2]']);
    rig.write('f.yaml', flow('[0, 3, 1]'));
    await rig.flowctl('run', 'f.yaml');
    expect(ran(rig)).toEqual(['load[0]']);
    expect((await shown(rig)).outputs).toEqual({ all: [{ n: '0' }, { n: '3' }, { n: '1' }] });
  });

  it('counts the code of a function with what it imports', async () => {
    const { rig } = given;
    rig.write('f.yaml', 'name: f\nsteps:\n  a: { call: ./a.ts#a, with: { n: 1 }, cache: true }\n');
    rig.write('a.ts', "import { by } from './b.ts';\nexport const a = ({ n }: { n: number }) => n * by;\n");
    rig.write('b.ts', 'export const by = 2;\n');
    await rig.flowctl('run', 'f.yaml');
    await rig.flowctl('run', 'f.yaml');
    expect(await fateOf('a')).toBe('reused: nothing changed since run ID');
    rig.write('b.ts', 'export const by = 3;\n');
    await rig.flowctl('run', 'f.yaml');
    expect(await fateOf('a')).toBe('succeeded: the code of the function changed');
    expect(stepOf(await shown(rig), 'a').outputs).toBe(3);
  });

  it('reuses a whole sub-flow, and steps in one', async () => {
    const { rig } = given;
    rig.write('f.yaml', 'name: f\nsteps:\n  sub: { flow: ./sub.yaml, with: { n: 1 } }\n');
    rig.write('g.yaml', 'name: g\nsteps:\n  sub: { flow: ./sub.yaml, with: { n: 1 }, cache: true }\n');
    rig.write(
      'sub.yaml',
      `name: sub\nparams: { n: 0 }\nsteps:\n  a: { run: '${NOTED}; echo \${{ params.n }}', cache: true, output: text }\noutputs: { a: "\${{ steps.a.outputs }}" }\n`,
    );
    await rig.flowctl('run', 'f.yaml');
    await rig.flowctl('run', 'f.yaml');
    expect(ran(rig)).toEqual(['a']);
    await rig.flowctl('run', 'f.yaml', '--force', 'sub');
    expect(ran(rig)).toEqual(['a']);
    await rig.flowctl('run', 'g.yaml');
    await rig.flowctl('run', 'g.yaml');
    expect(await fateOf('sub')).toBe('reused: nothing changed since run ID');
    expect(stepOf(await shown(rig), 'sub').outputs).toEqual({ a: '1' });
  });

  it('keeps no secret, neither in records nor in files', async () => {
    const { rig } = given;
    rig.give({ TOKEN: 'hunter2-very-secret' });
    rig.write(
      'f.yaml',
      `name: f\nsecrets: [TOKEN]\nsteps:\n  a: { run: '${NOTED}; echo "$T" > out', env: { T: "\${{ secrets.TOKEN }}" }, generates: out, cache: true }\n`,
    );
    await rig.flowctl('run', 'f.yaml');
    await rig.flowctl('run', 'f.yaml');
    expect(ran(rig)).toEqual(['a']);
    for (const { path } of rig.filesBelow()) {
      const file = rig.path('.flowctl', path);
      if (existsSync(file) && !file.endsWith('.mjs'))
        expect(isFile(file) && readFileSync(file, 'utf8')).not.toContain('hunter2');
    }
  });

  it('finds the results of many items with few descriptors', async () => {
    const { rig } = given;
    rig.write('f.yaml', 'name: f\nsteps:\n  a: { foreach: "${{ range(400) }}", run: [/bin/true], cache: true }\n');
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
    const again = await rig.shell('ulimit -n 64; exec "$NODE" "$BIN" run f.yaml').ended;
    expect(again.code, again.stderr).toBe(0);
    const [row] = await rig.query<{ steps: { cached: number } }[]>('runs');
    expect(row?.steps.cached).toBe(400);
  });

  it('is shared by runs at once without harm', async () => {
    const { rig } = given;
    rig.write(
      'f.yaml',
      `name: f\nsteps:\n  a: { foreach: "\${{ range(20) }}", run: 'echo "$FLOWCTL_ITEM" > tmp.$$; mv tmp.$$ out-\${{ index }}; echo n=1 > "$FLOWCTL_OUTPUT"', generates: "out-\${{ index }}", cache: true }\n`,
    );
    // Whole files only: four runs write the same ones.
    const runs = await Promise.all(Array.from({ length: 4 }, () => rig.flowctl('run', 'f.yaml')));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    for (let index = 0; index < 20; index += 1) rmSync(rig.path(`out-${index}`));
    const last = await rig.query<RunDetail>('show', await runAgain(rig));
    expect(last.steps.filter(({ cached }) => cached)).toHaveLength(20);
    expect(rig.read('out-7')).toBe('7\n');
  });
});

describe('resume', () => {
  const flow = (cache: string) => `name: f
steps:
  a: { run: '${NOTED}; echo made > out; chmod 755 out', sources: in, generates: out${cache} }
  b: { needs: a, run: '${NOTED}; test -e go' }
`;

  it('refuses when what a succeeded step made is gone, and names the step to type', async () => {
    const { rig } = given;
    rig.write('in', '1');
    rig.write('f.yaml', flow(''));
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(1);
    rig.write('go', '');
    rig.write('out', 'edited');
    const changed = await rig.flowctl('resume');
    expect(changed).toMatchObject({ code: 4 });
    expect(changed.stderr).toContain('had made are not what they were: out was changed (step a)');
    rmSync(rig.path('out'));
    const refused = await rig.flowctl('resume');
    expect(refused.code).toBe(4);
    const [, typed = ''] = /help: .*: flowctl (resume .*)/.exec(refused.stderr) ?? [];
    expect(typed).toMatch(/^resume [0-9a-z]{26} --from a$/);
    expect(ran(rig)).toEqual(['a', 'b']);
    expect((await rig.flowctl(...typed.split(' '))).code).toBe(0);
    expect(ran(rig)).toEqual(['a', 'b']);
    expect(rig.read('out')).toBe('made\n');
  });

  it('restores what is kept, also of a step that was reused', async () => {
    const { rig } = given;
    rig.write('in', '1');
    rig.write('f.yaml', flow(', cache: true'));
    await rig.flowctl('run', 'f.yaml');
    await rig.flowctl('run', 'f.yaml');
    rig.write('go', '');
    rmSync(rig.path('out'));
    ran(rig);
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toContain('restored what step a had made: out is missing');
    expect(ran(rig)).toEqual(['b']);
    expect(statSync(rig.path('out')).mode & 0o777).toBe(0o755);
  });

  it('runs what it is asked for by name, and what follows that, though nothing changed', async () => {
    const { rig } = given;
    rig.write('in', '1');
    rig.write(
      'f.yaml',
      flow(', cache: true').replace('  b:', `  c: { needs: a, cache: { key: k }, run: '${NOTED}' }\n  b:`),
    );
    await rig.flowctl('run', 'f.yaml');
    rig.write('go', '');
    ran(rig);
    expect((await rig.flowctl('resume', '--from', 'a')).code).toBe(0);
    expect([...ran(rig)].sort()).toEqual(['a', 'b', 'c']);
    expect(await fateOf('a')).toBe('succeeded: the resume asked for it again');
  });

  it('looks into sub-flows', async () => {
    const { rig } = given;
    rig.write('in', '1');
    rig.write('sub/f.yaml', flow('').replace('test -e go', 'test -e ../go'));
    rig.write('sub/in', '1');
    rig.write('f.yaml', 'name: top\nsteps:\n  sub: { flow: ./sub/f.yaml }\n');
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(1);
    rmSync(rig.path('sub/out'));
    rig.write('go', '');
    const refused = await rig.flowctl('resume');
    expect(refused.code, refused.stderr).toBe(4);
    expect(refused.stderr).toContain('out is missing (step sub/a)');
    ran(rig);
    expect((await rig.flowctl('resume', '--from', 'sub/a')).code).toBe(0);
    expect(ran(rig)).toEqual(['a', 'b']);
  });
});

describe('--dry-run', () => {
  it('says of each step whether it would run, and why, and touches nothing', async () => {
    const { rig } = given;
    const plan = async (...flags: readonly string[]): Promise<readonly string[]> => {
      const { code, stdout, stderr } = await rig.flowctl('run', 'build.yaml', '--dry-run', ...flags);
      expect(code, stderr).toBe(0);
      return stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/[0-9a-z]{26}/g, 'ID').replace(/ +/g, ' '));
    };
    rig.write(
      'build.yaml',
      `${BUILD}  call: { needs: count, call: ./a.ts#a, with: { lines: "\${{ steps.count.outputs.lines }}" }, cache: true }\n`,
    );
    rig.write('a.ts', 'export const a = (input: { lines: string }): string => input.lines;\n');
    rig.write('texts/a.txt', 'b\na\n');
    expect(await plan()).toEqual([
      'words runs no result of it is kept',
      'count runs no result of it is kept',
      'tell runs needs count',
      'call runs no result of it is kept',
    ]);
    expect(rig.filesBelow()).toEqual([]);
    await rig.flowctl('run', 'build.yaml');
    const before = rig.filesBelow();
    const nothing = 'nothing changed since run ID';
    expect(await plan()).toEqual([
      `words reused ${nothing}`,
      `count reused ${nothing}`,
      'tell runs needs count',
      `call reused ${nothing}`,
    ]);
    rig.write('texts/a.txt', 'c\n');
    rig.write('a.ts', 'export const a = (): number => 1;\n');
    expect((await plan()).slice(0, 2)).toEqual([
      'words runs sources changed: texts/a.txt (edited)',
      'count may run reused, unless words makes it something else',
    ]);
    rig.write('texts/a.txt', 'b\na\n');
    expect((await plan())[3]).toBe('call runs the code of the function changed');
    expect((await plan('--force', 'count'))[1]).toBe('count runs --force count');
    expect(rig.filesBelow()).toEqual(before);
  });
});

describe('docs/reuse.md', () => {
  it('shows a flow that does as it says', async () => {
    const { rig } = given;
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/reuse.md'), 'utf8');
    rig.write('build.yaml', /```yaml\n# build\.yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    rig.write('texts/a.txt', 'one two one\n');
    expect((await rig.flowctl('run', 'build.yaml')).code).toBe(0);
    await rig.flowctl('run', 'build.yaml');
    expect(await fateOf('words')).toBe('reused: nothing changed since run ID');
    rig.write('texts/a.txt', 'two one one\n');
    await rig.flowctl('run', 'build.yaml');
    expect(await fateOf('words')).toBe('succeeded: sources changed: texts/a.txt (edited)');
    expect(await fateOf('count')).toBe('reused: nothing changed since run ID');
  });

  it('a step that repeats is not reused', async () => {
    const { rig } = given;
    rig.write(
      'f.yaml',
      `name: f\nsteps:\n  a: { run: '${NOTED}; echo n=$(wc -l < "$EFFECTS") > "$FLOWCTL_OUTPUT"', cache: true, repeat: { max: 3, until: outputs.n == '2' } }\n`,
    );
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
    expect(ran(rig)).toEqual(['a', 'a']);
    await rig.flowctl('run', 'f.yaml');
    expect(ran(rig)).toEqual(['a', 'a']);
  });
});

const isFile = (path: string): boolean => {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
};

async function runAgain(rig: Rig): Promise<string> {
  expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
  return 'last';
}

/** Steps `t0`... each of some of the sources `s0`... and of those before it. */
const graph = fc.integer({ min: 2, max: 6 }).chain((count) =>
  fc.tuple(
    ...Array.from({ length: count }, (_, index) =>
      fc.subarray(['s0', 's1', 's2', ...Array.from({ length: index }, (__, number) => `t${number}`)], {
        minLength: 1,
      }),
    ),
  ),
);

describe('against GNU make', () => {
  it('the same steps run after an edit', { timeout: 120_000 }, async () => {
    const edits = fc.array(fc.constantFrom('s0', 's1', 's2'), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(graph, edits, async (targets, edited) => {
        const rig = new Rig();
        try {
          await compare(rig, targets, edited);
        } finally {
          rig.remove();
        }
      }),
      { numRuns: 8 },
    );
  });
});

async function compare(rig: Rig, targets: readonly (readonly string[])[], edited: readonly string[]): Promise<void> {
  const made = targets.map((of, index) => ({ name: `t${index}`, of }));
  const steps = made.map(({ name, of }) => {
    const needs = of.filter((file) => file.startsWith('t'));
    const text = `${NOTED}; cat ${of.join(' ')} > ${name}; echo ${name} >> ${name}`;
    return `  ${name}: { needs: [${needs.join(', ')}], run: '${text}', sources: [${of.join(', ')}], generates: ${name} }\n`;
  });
  rig.write('f.yaml', `name: f\nsteps:\n${steps.join('')}`);
  const rules = made.map(({ name, of }) => `${name}: ${of.join(' ')}\n\techo ${name} >> made\n\ttouch ${name}\n`);
  rig.write('make/Makefile', `all: ${made.map(({ name }) => name).join(' ')}\n${rules.join('')}`);
  // Times are set by hand: every edit is later than all that was made before it.
  let second = 1_600_000_000;
  const dated = (name: string): void => utimesSync(join(rig.path('make'), name), second, second);
  const make = (): readonly string[] => {
    rmSync(rig.path('make/made'), { force: true });
    execFileSync('make', ['-s', '-C', rig.path('make'), 'all']);
    const names = existsSync(rig.path('make/made')) ? rig.read('make/made').trim().split('\n') : [];
    second += 10;
    for (const name of names) dated(name);
    return names;
  };
  const write = (name: string, text: string): void => {
    rig.write(name, text);
    writeFileSync(join(rig.path('make'), name), text);
    dated(name);
  };
  for (const source of ['s0', 's1', 's2']) write(source, source);
  for (const files of [[], [], edited]) {
    second += 10;
    for (const file of files) write(file, `${file} edited`);
    const run = await rig.flowctl('run', 'f.yaml');
    expect(run.code, run.stderr).toBe(0);
    expect([...ran(rig)].sort()).toEqual([...make()].sort());
  }
}
