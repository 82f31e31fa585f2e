/** Secrets from the outside: what a flow is given, and that no value is ever seen (S11, S12, S13; catalogue 59). */

import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { BIN, eventually, GONE_MS, type Rig } from '../kit/rig.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';

const TOKEN = `tr0ub4dor&3/"quoted" $HOME`;
const KEY = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4ypbHqGA';

const here = useCase({ TOKEN, KEY });

/** Every way in which the values could be found by somebody who looks for them. */
const needles: readonly string[] = [TOKEN, ...KEY.split('\n')].flatMap((value) => {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : before + 1, -3),
  );
  const hex = bytes.toString('hex');
  const url = encodeURIComponent(value);
  const plain = [value, JSON.stringify(value).slice(1, -1), url, url.toLowerCase(), hex, hex.toUpperCase()];
  return [...plain, ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
});

const hitsIn = (text: string): readonly string[] => needles.filter((needle) => text.includes(needle));

/** The files of the state that hold a value. */
function hitsInState(rig: Rig): readonly string[] {
  return rig
    .filesBelow()
    .map(({ path }) => rig.path('.flowctl', path))
    .filter((file) => lstatSync(file).isFile() && hitsIn(readFileSync(file, 'utf8')).length > 0);
}

/** Looks at the command lines of every process, again and again, until it is told to stop. */
function watchCommandLines(): { stop(): { readonly hits: readonly string[]; readonly all: string } } {
  const seen = new Set<string>();
  const look = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' '));
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, 3);
  return {
    stop: () => {
      clearInterval(timer);
      const all = [...seen].join('\n');
      return { hits: hitsIn(all), all };
    },
  };
}

const LEAKY = `
secrets: [TOKEN, KEY]
steps:
  plain:
    env: { T: "\${{ secrets.TOKEN }}", URL: "https://u:\${{ secrets.TOKEN }}@host" }
    shell: bash
    run: |
      echo "$T" "$URL"; echo "$T" >&2; printf '%q\\n' "$T"; set -x; : "$T"; set +x
      for (( i = 0; i < \${#T}; i++ )); do printf %s "\${T:i:1}"; done; echo
      printf %s "$T" | base64; printf x%s "$T" | base64; printf %s "$T" | od -An -v -tx1 | tr -d ' \\n'
      sleep 0.111
  lines:
    secrets: [KEY]
    shell: bash
    run: |
      echo "$KEY"; echo $KEY; while read -r line; do echo "> $line"; done <<< "$KEY"; env | base64; env | base64 -w 64 >&2
  read:
    stdin: "\${{ secrets.TOKEN }}"
    run: cat; exit 7
    continue_on_error: true
  long:
    secrets: [TOKEN]
    run: |
${`      : ${'x'.repeat(60)}\n`.repeat(2_000)}      echo "$TOKEN"
  call:
    secrets: [TOKEN]
    call: ./tasks.mjs#leak
    with: { token: "\${{ secrets.TOKEN }}" }
    continue_on_error: true
  isolated:
    secrets: [TOKEN]
    call: ./tasks.mjs#leak
    isolate: process
    with: { token: "\${{ secrets.TOKEN }}" }
    continue_on_error: true
  named:
    secrets: [TOKEN]
    run: ["sh", "-c", "echo $TOKEN; no-such-program"]
    continue_on_error: true
  json:
    secrets: [TOKEN]
    output: json
    run: node -p 'JSON.stringify({token:process.env.TOKEN})'
    continue_on_error: true
`;

const LEAK = `
import { context } from 'flowctl';
export const leak = ({ token }) => {
  console.log(token, context().secrets, context().secrets.TOKEN, { token });
  console.error(JSON.stringify({ token }));
  throw new Error('cannot log in with ' + token, { cause: new Error(encodeURIComponent(token)) });
};
`;

describe('a value is never seen', () => {
  it('case 59, S11, S12: in the state, in any view, or in a command line, whatever steps print', async () => {
    const { rig } = here;
    rig.write('flow.yaml', LEAKY);
    rig.write('tasks.mjs', LEAK);
    const watch = watchCommandLines();
    const run = await rig.flowctl('run', 'flow.yaml', '--output', 'json');
    const { hits, all } = watch.stop();
    expect(run.code, run.stdout).toBe(0);
    expect(all).toContain('sleep 0.111');
    const views = await Promise.all([
      rig.flowctl('show', '--json'),
      rig.flowctl('show'),
      rig.flowctl('runs', '--json'),
      rig.flowctl('logs'),
      rig.flowctl('rerun', '--output', 'plain'),
    ]);
    const text = [run, ...views].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(text).toContain('***');
    expect({ commands: hits, views: hitsIn(text), state: hitsInState(rig) }).toEqual({
      commands: [],
      views: [],
      state: [],
    });
    const detail = await shown(rig);
    const codeOf = (key: string) => stepOf(detail, key).attempts[0]?.error?.code;
    expect(['call', 'isolated', 'named', 'json'].map(codeOf)).toEqual([
      'thrown',
      'thrown',
      'exit_code',
      'secret_in_outputs',
    ]);
    expect((await rig.flowctl('logs', 'isolated')).stdout).toContain('***');
    expect((await rig.flowctl('logs', 'long')).stdout).toBe('***\n');
  });

  it.skipIf(!hasTerminals)('S12: on a terminal', async () => {
    const { rig } = here;
    rig.write('flow.yaml', LEAKY);
    rig.write('tasks.mjs', LEAK);
    const { code, screen } = await onTerminal(rig, [process.execPath, BIN, 'run', 'flow.yaml']).ended;
    expect(code, screen).toBe(0);
    expect(screen).toContain('***');
    expect(hitsIn(screen)).toEqual([]);
  });

  it('S12: while a step runs, nor after flowctl was killed', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const text = `secrets: [TOKEN]
steps:
  before: { secrets: [TOKEN], run: echo "$TOKEN" }
  a:
    needs: before
    secrets: [TOKEN]
    stdin: "\${{ secrets.TOKEN }}"
    run: ${Stage.step('a')}
`;
    rig.write('flow.yaml', text);
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('a');
    expect(hitsInState(rig)).toEqual([]);
    run.process.kill('SIGKILL');
    await run.ended;
    expect(hitsInState(rig)).toEqual([]);
    expect(hitsIn((await rig.flowctl('show', '--json')).stdout)).toEqual([]);
  });

  it.each([
    ['that flowctl prints', []],
    ['that a detached flowctl leaves in its file', ['--detach']],
  ])('S12: in the text of a crash %s', async (_, more) => {
    const { rig } = here;
    here.mayLeaveStrays();
    rig.write(
      'flow.yaml',
      'secrets: [TOKEN, KEY]\nsteps: { a: { secrets: [TOKEN, KEY], run: \'echo "$TOKEN" up; sleep 600\' } }\n',
    );
    const env = { NODE_OPTIONS: `--require ${rig.write('crash.cjs', CRASH)}`, UP: rig.path('up') };
    const started = rig.start(['run', 'flow.yaml', ...more], { env });
    await eventually('the step is up', GONE_MS, () =>
      rig.filesBelow().some(({ path }) => /logs\/a\.1\.log$/.test(path)),
    );
    // Who hands a run over breaks as well, if it still lives.
    if (more.length > 0) await started.ended;
    rig.write('up', '');
    const { code, stdout, stderr } = await started.ended;
    await eventually('flowctl is gone', GONE_MS, async () => (await onlyRun(rig)).state === 'crashed');
    const [file] = rig.filesBelow().filter(({ path }) => path.endsWith('detached.log'));
    const said = file === undefined ? stderr : rig.read(`.flowctl/${file.path}`);
    expect(code, stderr).toBe(more.length === 0 ? 70 : 0);
    expect(said).toContain('internal: a bug about ***');
    expect(said).toContain('this is a bug in flowctl');
    expect({ said: hitsIn(stdout + stderr), state: hitsInState(rig) }).toEqual({ said: [], state: [] });
  });
});

/** Breaks a flowctl that lives a run when it is told to, with an error that tells every secret in many ways. */
const CRASH = `
const { existsSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');
if (isMainThread && /flowctl\\.js$/.test(process.argv[1] ?? '')) {
  const timer = setInterval(() => {
    if (!existsSync(process.env.UP)) return;
    clearInterval(timer);
    const values = [process.env.TOKEN, process.env.KEY];
    const ways = values.flatMap((value) => [
      ...[value, encodeURIComponent(value), JSON.stringify({ value }), require('node:util').inspect({ value })],
      ...['hex', 'base64', 'base64url'].map((encoding) => Buffer.from(value).toString(encoding)),
    ]);
    const cause = new TypeError("The property 'options.env' is invalid. Received " + ways.join(' '));
    throw Object.assign(new Error('a bug about ' + ways.join(', '), { cause }), { values, command: ways });
  }, 20);
  timer.unref();
}
`;

describe('a step is given', () => {
  it('S13: the secrets that it names and no others, wherever they were inherited from', async () => {
    const { rig } = here;
    rig.write('.env', 'FROM_FILE=dotenv-value\n');
    rig.write(
      'flow.yaml',
      `dotenv: .env
secrets: [TOKEN, { OTHER: { env: KEY }, FROM_FILE: { env: FROM_FILE } }]
steps:
  none: { run: 'echo "none: $(env | grep -cE "^(TOKEN|KEY|OTHER|FROM_FILE)=")" >> "$EFFECTS"' }
  one: { needs: none, secrets: [OTHER], run: 'echo "one: $TOKEN/$FROM_FILE/\${#OTHER}" >> "$EFFECTS"' }
  two: { needs: one, env: { A: "\${{ secrets.FROM_FILE }}" }, run: 'echo "two: $TOKEN/$A" >> "$EFFECTS"' }
  call: { needs: two, call: ./tasks.mjs#names }
`,
    );
    rig.write(
      'tasks.mjs',
      `export const names = (_, { secrets }) => [Object.keys(process.env).filter((name) => /^(TOKEN|KEY|OTHER|FROM_FILE)$/.test(name)), Object.keys(secrets)];`,
    );
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout + stderr).toBe(0);
    expect(rig.effects()).toEqual(['none: 0', `one: //${KEY.length}`, 'two: /dotenv-value']);
    expect(stepOf(await shown(rig), 'call').outputs).toEqual([[], []]);
  });

  it('none by way of `env` in expressions, nor of a param', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `secrets: [TOKEN]
params: { seen: "\${{ default(env.TOKEN, 'nothing') }}" }
steps:
  a: { env: { T: "\${{ default(env.TOKEN, 'nothing') }}/\${{ params.seen }}" }, run: 'echo "$T" >> "$EFFECTS"' }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['nothing/nothing']);
  });

  it('values from files and commands, less one line break', async () => {
    const { rig } = here;
    rig.write('secret.txt', 'from a file\r\n');
    chmodSync(rig.path('secret.txt'), 0o600);
    rig.write(
      'flow.yaml',
      `secrets: { A: { file: secret.txt }, B: { command: 'echo hidden >&2; echo "from $(basename "$PWD") $KEY"' } }
steps:
  a: { secrets: [A, B], run: 'echo "[$A][$B]" >> "$EFFECTS"; echo "$A, $B"' }
`,
    );
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml', '--output', 'plain');
    expect(code, stderr).toBe(0);
    expect(rig.effects().join('\n')).toBe(`[from a file][from ${rig.folder.split('/').at(-1)} ${KEY}]`);
    expect(stdout + stderr).not.toContain('hidden');
    expect((await rig.flowctl('logs', 'a')).stdout).toBe('***, ***\n');
  });

  it('values in maps, groups, repeats, waits and handlers alike, and prints stars in all of them', async () => {
    const { rig } = here;
    const given = `env: { T: "\${{ secrets.TOKEN }}" }`;
    rig.write(
      'flow.yaml',
      `secrets: [TOKEN]
steps:
  wait: { ${given}, wait: { for: { command: 'printf "%s" "$T"; test -n "$T"' }, every: 1s, timeout: 30s } }
  map: { ${given}, foreach: [1, 2], run: 'echo "$T"' }
  group:
    steps:
      none: { run: 'echo "[$TOKEN]"' }
      one: { ${given}, run: 'echo "$T"' }
  again: { ${given}, run: 'echo "$T"', repeat: { max: 2, while: "true" }, continue_on_error: true }
finally:
  - { ${given}, run: 'echo "$T"' }
`,
    );
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout + stderr).toBe(0);
    expect([hitsInState(rig), hitsIn(stdout + stderr)]).toEqual([[], []]);
    const logs = ['wait', 'map[0]', 'map[1]', 'group/none', 'group/one', 'again', 'finally[0]'];
    const printed = await Promise.all(logs.map(async (step) => (await rig.flowctl('logs', 'last', step)).stdout));
    expect(printed[3]).toBe('[]\n');
    for (const text of printed.filter((_, index) => index !== 3)) expect(text).toContain('***');
  });

  it('what its own flow declares, in a sub-flow too', async () => {
    const { rig } = here;
    rig.write(
      'child.yaml',
      `secrets: { OWN: { command: 'printf own-value' } }
steps:
  a: { secrets: [OWN], run: 'echo "$OWN/$TOKEN" >> "$EFFECTS"; echo "$OWN"' }
`,
    );
    rig.write('flow.yaml', 'secrets: [TOKEN]\nsteps:\n  sub: { flow: ./child.yaml }\n');
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout + stderr).toBe(0);
    expect(rig.effects()).toEqual(['own-value/']);
    expect((await rig.flowctl('logs', 'sub/a')).stdout).toBe('***\n');
  });
});

describe('a run does not start', () => {
  it.each<[string, string, string]>([
    ['a variable is not set', '[NOBODY]', 'variable `NOBODY` is not set'],
    ['a variable is empty', '{ A: { env: EMPTY } }', 'variable `EMPTY` is empty'],
    ['a value is too short to be hidden', '{ A: { env: SHORT } }', 'fewer than 4 characters'],
    ['a file is missing', '{ A: { file: gone.txt } }', 'gone.txt cannot be read: no such file'],
    ['a file is a folder', '{ A: { file: . } }', 'no regular file'],
    ['a file is no text', '{ A: { file: binary } }', 'not UTF-8'],
    ['a file is too large', '{ A: { file: large } }', 'more than 65536 bytes'],
    ['a command fails', `{ A: { command: 'echo half; echo ${TOKEN.slice(0, 9)} >&2; exit 3' } }`, 'exited with code 3'],
    ['a command prints nothing', "{ A: { command: 'true' } }", 'its command printed is empty'],
    ['a command prints without end', "{ A: { command: 'yes' } }", 'printed more than'],
  ])('%s: 2, and no run is made', async (_, secrets, why) => {
    const { rig } = here;
    rig.write('large', 'x'.repeat(65_537));
    writeFileSync(rig.path('binary'), Buffer.from([0xff, 0xfe, 0x61, 0x62, 0x63]));
    rig.give({ EMPTY: '', SHORT: 'abc' });
    rig.write('flow.yaml', `secrets: ${secrets}\nsteps:\n  a: { run: 'echo ran >> "$EFFECTS"' }\n`);
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).not.toMatch(/half|tr0ub4dor|abc/);
    expect([existsSync(rig.path('.flowctl', 'runs')), rig.effects()]).toEqual([false, []]);
  });

  it('and every secret that is missing is named, also those of sub-flows', async () => {
    const { rig } = here;
    rig.write('child.yaml', `secrets: [THIRD]\nsteps:\n  a: { run: 'true' }\n`);
    rig.write('flow.yaml', `secrets: [FIRST, TOKEN, SECOND]\nsteps:\n  sub: { flow: ./child.yaml }\n`);
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(2);
    expect(stderr).toMatch(/3 secrets cannot be had\n.*`FIRST`.*\n.*`SECOND`.*\n.*`THIRD`/);
  });

  it('again either: a resume asks for the values anew', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `secrets: [WORD]\nsteps:\n  a: { secrets: [WORD], run: 'echo "$WORD" >> "$EFFECTS"; [ "$WORD" = good-word ]' }\n`,
    );
    rig.give({ WORD: 'bad-word' });
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    rig.give({ WORD: undefined });
    const refused = await rig.flowctl('resume');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('`WORD` is not set')]);
    expect(await onlyRun(rig)).toMatchObject({ state: 'failed' });
    rig.give({ WORD: 'good-word' });
    expect((await rig.flowctl('resume')).code).toBe(0);
    expect(rig.effects()).toEqual(['bad-word', 'good-word']);
  });

  it('and what a missing secret would have been for is not needed to cancel what crashed', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const asks = `'echo asked >> "$EFFECTS"; printf %s "$WORD"'`;
    rig.write(
      'flow.yaml',
      `secrets: { A: { command: ${asks} } }\nsteps:\n  a: { secrets: [A], run: ${Stage.step('a')} }\n`,
    );
    rig.give({ WORD: 'some-word' });
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('a');
    run.process.kill('SIGKILL');
    await run.ended;
    rig.give({ WORD: undefined });
    expect((await rig.flowctl('cancel', 'last')).code).toBe(0);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled' });
    expect(rig.effects()).toEqual(['asked']);
  });

  it('but where a file may be read by others, that is a warning', async () => {
    const { rig } = here;
    rig.write('secret.txt', 'readable by all');
    chmodSync(rig.path('secret.txt'), 0o644);
    rig.write('flow.yaml', `secrets: { A: { file: secret.txt } }\nsteps:\n  a: { run: 'true' }\n`);
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(0);
    expect(stderr).toContain(`may be read by others: chmod 600 ${rig.path('secret.txt')}`);
  });
});
