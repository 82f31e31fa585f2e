/** Cases 51 to 53, and the rules of `logs`: what reaches the two streams, byte for byte, whoever reads them. */

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canStart } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, EFFECT, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();

describe('the plain view', () => {
  it('says once why a step failed, whatever it is', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  command: { run: exit 3 }
  each: { foreach: [1, 2], run: exit 4 }
  same: { foreach: [1, 1], key: "\${{ item }}", run: exit 5 }
  inside: { if: "fromJSON('{') == 1", run: exit 6 }
  late: { approve: { message: now, timeout: 1ms } }
  mild: { if: "fromJSON('{') == 1", continue_on_error: true, run: exit 7 }
  more: { run: 'true', repeat: { until: 'false', max: 1 } }
`,
    );
    const { stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'plain');
    const told = [...stdout.matchAll(/^\d{4}-\S+Z (?!run )(\S+ failed.*)$/gm)].map(([, line]) => line);
    expect(told.map((line) => line?.replace(/ after \d+ms/, '')).sort()).toEqual([
      'command failed: exited with code 3',
      'each failed: 2 of 2 items failed: each[0], each[1]',
      'each[0] failed: exited with code 4',
      'each[1] failed: exited with code 4',
      'inside failed: `if`: the text given to `fromJSON` is no JSON',
      'late failed: nobody answered in time',
      'mild failed, which is tolerated: `if`: the text given to `fromJSON` is no JSON',
      'more failed: after 1 iterations its `repeat` condition still says to go on',
      'same failed: items 0 and 1 have the same key `1`',
    ]);
  });
});

describe('logs', () => {
  it('names a step of the last run, a run, or both; every attempt or one', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  first: { run: 'echo one; echo two >&2' }
  again: { needs: first, retry: 1, run: 'echo "try $FLOWCTL_ATTEMPT"; [ "$FLOWCTL_ATTEMPT" = 2 ]' }
`,
    );
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    rig.write('other.yaml', single("run: 'echo other'"));
    await rig.flowctl('run', 'other.yaml');
    const logs = async (...argv: string[]): Promise<string> => {
      const { code, stdout, stderr } = await rig.flowctl('logs', ...argv);
      expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
      return stdout;
    };
    expect(await logs('only')).toBe('other\n');
    expect(await logs('last', 'only')).toBe('other\n');
    expect(await logs(id, 'first')).toBe('one\ntwo\n');
    // Both began within the same instant perhaps, so their ids differ late.
    expect(await logs(id.slice(0, 25), 'again')).toBe('try 2\n');
    expect(await logs(id, 'again', '--attempt', '1')).toBe('try 1\n');
    expect((await logs(id)).replaceAll(/\d{4}-.*Z$/gm, 'TIME')).toBe(
      '== first, attempt 1, TIME\none\ntwo\n== again, attempt 1, TIME\ntry 1\n== again, attempt 2, TIME\ntry 2\n',
    );
    expect(await logs()).toMatch(/^== only, attempt 1, .*\nother\n$/);
    expect((await rig.flowctl('logs', 'first')).code).toBe(4);
    expect((await rig.flowctl('logs', id, 'only')).code).toBe(4);
  });

  it('begins every headline on a line of its own', async () => {
    const { rig } = here;
    rig.write('flow.yaml', "steps:\n  a: { run: 'printf half' }\n  b: { needs: a, run: 'echo b' }\n");
    await rig.flowctl('run', 'flow.yaml');
    const { stdout } = await rig.flowctl('logs');
    expect(stdout.replaceAll(/\d{4}-.*Z$/gm, 'TIME')).toBe('== a, attempt 1, TIME\nhalf\n== b, attempt 1, TIME\nb\n');
  });

  it('says why there is none of an attempt whose command never began', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single('run: [no-such-program]'));
    await rig.flowctl('run', 'flow.yaml');
    expect(await rig.flowctl('logs', 'only')).toMatchObject({
      stdout: '',
      stderr:
        'step only printed nothing, for it failed before it began: the command `no-such-program` was not found in PATH\n',
    });
  });

  it('a step that runs: what it has printed so far', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('only');
    await puppet.print('so far\n');
    await puppet.print('and more\n', 'stderr');
    expect((await rig.flowctl('logs', 'only')).stdout).toBe('so far\nand more\n');
    await puppet.exit(0);
    await run.ended;
  });

  it('case 51: bytes 0 to 255, bad UTF-8 and CR come out as they went in', async () => {
    const { rig } = here;
    rig.write(
      'bytes.mjs',
      "import { writeSync } from 'node:fs';\nwriteSync(1, Buffer.from([...Array(256).keys(), 0xc3, 0x28, 0xff, 13, 10, 13, 65]));\n",
    );
    rig.write('flow.yaml', single('run: [node, bytes.mjs]'));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    await rig.shell('"$NODE" "$BIN" logs only > copy; "$NODE" bytes.mjs | cmp - copy > different').ended;
    expect(rig.read('different')).toBe('');
    expect(readFileSync(rig.path('copy'))).toHaveLength(263);
  });

  it('case 53: a slow reader gets a large log whole (F19)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("run: 'head -c 5000000 /dev/zero'"));
    await rig.flowctl('run', 'flow.yaml');
    const { stdout } = await rig.shell('"$NODE" "$BIN" logs only | (sleep 1; wc -c)').ended;
    expect(stdout.trim()).toBe('5000000');
  });

  it.skipIf(!canStart())('a pipe that does not wait gets a large result whole, though its reader is late', async () => {
    const { rig } = here;
    const impatient =
      'perl -MFcntl -e \'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV\' "$NODE" "$BIN" schema';
    const { stdout } = await rig.shell(`${impatient} | (sleep 1; wc -c)`).ended;
    const { size } = statSync(resolve(import.meta.dirname, '../../schemas/flow.schema.json'));
    // More than a pipe holds.
    expect(size).toBeGreaterThan(65_536);
    expect(stdout.trim()).toBe(String(size));
  });

  it('a reader that leaves is no error', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("run: 'yes | head -c 5000000'"));
    await rig.flowctl('run', 'flow.yaml');
    const { stdout, stderr } = await rig.shell('"$NODE" "$BIN" logs only | head -1; echo "${PIPESTATUS[0]}"').ended;
    expect({ stdout, stderr }).toEqual({ stdout: 'y\n0\n', stderr: '' });
  });
});

describe('case 52: nobody reads what a run prints; it goes on and has its own exit code (I10, F18, F21)', () => {
  const many = `steps:
  a: { run: ${EFFECT} }
  b: { needs: a, run: ${EFFECT} }
  c: { needs: b, run: 'echo c >> "$EFFECTS"; exit 9' }
`;

  it.each([
    ['a reader that leaves', '"$NODE" "$BIN" run flow.yaml | head -1 > /dev/null; echo "${PIPESTATUS[0]}" > code'],
    ['a full disk behind stdout', '"$NODE" "$BIN" run flow.yaml > /dev/full; echo $? > code'],
    ['a full disk behind both', '"$NODE" "$BIN" run flow.yaml > /dev/full 2>&1; echo $? > code'],
    ['stdout closed', '"$NODE" "$BIN" run flow.yaml >&-; echo $? > code'],
    ['everything closed', '"$NODE" "$BIN" run flow.yaml >&- 2>&- <&-; echo $? > code'],
    [
      'a reader of events that leaves',
      '"$NODE" "$BIN" run flow.yaml --output json | true; echo "${PIPESTATUS[0]}" > code',
    ],
  ])('%s', async (_, text) => {
    const { rig } = here;
    rig.write('flow.yaml', many);
    await rig.shell(text).ended;
    expect(rig.read('code')).toBe('1\n');
    expect(rig.effects()).toEqual(['a', 'b', 'c']);
    expect(await onlyRun(rig)).toMatchObject({ state: 'failed', exit_code: 1 });
    expect(stepOf(await shown(rig), 'c').attempts).toMatchObject([{ exit_code: 9 }]);
  });

  it('a query into a full disk did not answer: 74, and says so', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    for (const command of ['runs', 'show', 'logs', 'help exit-codes', '--help']) {
      const { stdout, stderr } = await rig.shell(`"$NODE" "$BIN" ${command} > /dev/full; echo $?`).ended;
      const said = 'error: what was to be printed could not be written: ENOSPC\n';
      expect({ command, stdout, stderr }).toEqual({ command, stdout: '74\n', stderr: said });
    }
  });
});
