/** What is typed, written and fetched, against people who chose it (S2, S3, S6, S17, S21, S25, S26). */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { useCase } from '../kit/case.ts';
import { EFFECT, shown, single, stepOf } from '../kit/flows.ts';
import { serve } from '../kit/http.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const here = useCase();

describe('words that look like options', () => {
  it('S2: names of folders, files, modules, steps and values that begin with a dash are names', async () => {
    const { rig } = here;
    mkdirSync(rig.path('--help/-rf'), { recursive: true });
    rig.write('--help/-tasks.mjs', 'export const f = ({ v }) => v;\n');
    rig.write(
      '--help/-x.yaml',
      `name: dash
params: { v: { type: string } }
steps:
  argv: { run: [printf, '%s', "\${{ params.v }}"], workdir: '-rf', output: text }
  text: { run: 'printf %s \${{ params.v }}', output: text }
  code: { call: './-tasks.mjs#f', with: { v: "\${{ params.v }}" } }
  file: { run: 'echo x > "-n"', generates: ['-n'], sources: ['-x.yaml'], cache: true }
  piped: { run: 'echo > /dev/stderr', logs: pipe }
`,
    );
    for (const v of ['--version', '-rf', '--', '-e', '-']) {
      const argv = ['run', '-q', '--state-dir', '-state', '-p', `v=${v}`, '--', '-x.yaml'];
      const { code, stderr } = await rig.flowctlWith({ cwd: rig.path('--help') }, ...argv);
      expect(code, stderr).toBe(0);
      const inside = { cwd: rig.path('--help') };
      const show = await rig.flowctlWith(inside, 'show', '--state-dir', '-state', '--json');
      const { steps } = JSON.parse(show.stdout) as { steps: { key: string; outputs: unknown }[] };
      for (const key of ['argv', 'text', 'code']) {
        expect({ key, outputs: steps.find((step) => step.key === key)?.outputs }).toEqual({ key, outputs: v });
      }
    }
    expect(existsSync(rig.path('--help/-n'))).toBe(true);
    expect(existsSync(rig.path('--help/-rf'))).toBe(true);
  });
});

describe('expressions', () => {
  it.each([
    ['a property of all objects', '${{ params.constructor }}', [3]],
    ['a prototype', '${{ params.__proto__.polluted }}', [3]],
    ['the constructor of a text', "${{ 'x'.constructor }}", [3]],
    ['the constructor of a function', '${{ format.constructor("return process")() }}', [3]],
    ['this', '${{ this }}', [3]],
    ['the process', '${{ process.exit(9) }}', [3]],
    ['a call of what is no function', '${{ params.x() }}', [3]],
    ['code in quotes', "${{ eval('process.exit(9)') }}", [3]],
    ['a template of JavaScript', '${{ `${process.exit(9)}` }}', [3]],
    ['a hundred thousand parentheses', `\${{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`, [3]],
    ['a hundred thousand negations', `\${{ ${'!'.repeat(100_000)}true }}`, [3]],
    ['a chain of ten thousand members', `\${{ params.x${'.a'.repeat(10_000)} }}`, [3]],
    ['a result that grows', `\${{ ${"format('{0}{0}', ".repeat(60)}'xxxxxxxx'${')'.repeat(60)} }}`, [1, 3]],
    ['a result that nests', `\${{ ${'toJSON('.repeat(40)}'""""'${')'.repeat(40)} }}`, [1, 3]],
  ])('S3: %s is nothing but text of a wrong expression', async (_, expression, codes) => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `params: { x: 1 }\nsteps:\n  only: { env: { V: ${JSON.stringify(expression)} }, run: ${EFFECT} }\n`,
    );
    const began = performance.now();
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(codes, stderr.slice(0, 500)).toContain(code);
    expect(rig.effects()).toEqual([]);
    // The contract's 100 ms are those of the check; here a program starts, on a machine that does much else.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(stderr.length).toBeLessThan(20_000);
  });
});

describe('patterns and lengths', () => {
  it('S6: a million characters in any field, and patterns made to be slow, are judged at once', async () => {
    const { rig } = here;
    const long = 'a'.repeat(1_000_000);
    const fields = [
      `name: ${long}\nsteps: { a: { run: x } }`,
      `steps: { ${long}: { run: x } }`,
      `steps: { a: { run: x, needs: ${long} } }`,
      `steps: { a: { run: x, timeout: ${long} } }`,
      `steps: { a: { run: x, retry: { max: ${'9'.repeat(1_000_000)} } } }`,
      `steps: { a: { run: x, if: "${long}" } }`,
      `steps: { a: { run: x, ${long}: 1 } }`,
      `steps: { a: { run: x, tolerate: ${'1'.repeat(1_000_000)}%, foreach: [1] } }`,
      `schedules: [{ cron: "${'* '.repeat(500_000)}" }]\nsteps: { a: { run: x } }`,
      `schedules: [{ cron: "0 6 * * *", timezone: ${long} }]\nsteps: { a: { run: x } }`,
      `steps: { a: { run: x, generates: ["${'*'.repeat(1_000_000)}"] } }`,
      `steps: { a: { call: "./${long}.ts#f" } }`,
      `params: { ${long}: 1 }\nsteps: { a: { run: x } }`,
      `params: { p: { type: string, pattern: "${'(a+)+'.repeat(100_000)}" } }\nsteps: { a: { run: x } }`,
    ];
    for (const [index, text] of fields.entries()) rig.write(`${index}.yaml`, `${text}\n`);
    const asked = await Promise.all(
      fields.map(async (_, index) => {
        const began = performance.now();
        const { code, stderr, stdout } = await rig.shell(`timeout 60 "$NODE" "$BIN" validate ${index}.yaml`).ended;
        return { index, code, ms: performance.now() - began, printed: stdout.length + stderr.length };
      }),
    );
    expect(
      asked.filter(({ code, ms, printed }) => (code !== 3 && code !== 0) || ms > 20_000 || printed > 200_000),
    ).toEqual([]);
    rig.write(
      'flow.yaml',
      `params: { p: { type: string, pattern: "^(a+)+$" }, q: { type: string, pattern: "^(a|a?)+$", default: a } }\n${single('run: x').replace('name: single\n', '')}`,
    );
    for (const param of ['p', 'q']) {
      const { code } = await rig.shell(
        `timeout 20 "$NODE" "$BIN" run flow.yaml -p p=a -p ${param}=${'a'.repeat(60_000)}b`,
      ).ended;
      expect(code).toBe(2);
    }
  });
});

describe("programs of flowctl's own", () => {
  it('S17: neither the current folder, by an empty element of PATH, nor `node_modules/.bin` gives them', async () => {
    const { rig } = here;
    const planted = `#!/bin/bash\necho "$0" >> "${rig.path('planted')}"\nexit 1\n`;
    const names = ['flock', 'sh', 'bash', 'mkfifo', 'setsid', 'env', 'node', 'esbuild', 'ps', 'stat'];
    for (const name of names) {
      rig.write(name, planted);
      rig.write(`node_modules/.bin/${name}`, planted);
    }
    await rig.shell('chmod +x flock sh bash mkfifo setsid env node esbuild ps stat node_modules/.bin/*').ended;
    rig.write('tasks.ts', 'export const f = (): number => 1;\n');
    rig.write(
      'flow.yaml',
      `steps:\n  a: { run: ${EFFECT} }\n  b: { run: 'echo b > /dev/stderr' }\n  c: { call: './tasks.ts#f', isolate: process }\n`,
    );
    const env = { PATH: `:${rig.path('node_modules/.bin')}::.:${process.env['PATH'] ?? ''}` };
    const { code, stderr } = await rig.flowctlWith({ env }, 'run', 'flow.yaml');
    expect(existsSync(rig.path('planted')) ? readFileSync(rig.path('planted'), 'utf8') : '').toBe('');
    expect(code, stderr).toBe(0);
  });
});

describe('requests that flowctl makes', () => {
  it('S21: neither a wait nor a message reaches an address that gives a machine its credentials, however it is written', async () => {
    const { rig } = here;
    const server = await serve((asked, response) => {
      if (asked.path === '/away') response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end();
      else if (asked.path === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      else if (asked.path === '/endless') response.writeHead(302, { location: '/endless' }).end();
      else response.writeHead(200).end();
    });
    const forbidden = [
      'http://169.254.169.254/latest/meta-data/',
      'http://[::ffff:169.254.169.254]/',
      'http://[::ffff:a9fe:a9fe]/',
      'http://0xa9fea9fe/',
      'http://2852039166/',
      'http://0251.0376.0251.0376/',
      'http://169.254.43518/',
      'http://[fe80::1]/',
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://１６９.254.169.254/',
      'http://user:pass@169.254.169.254:80/',
      `${server.url}/away`,
      `${server.url}/file`,
      'file:///etc/passwd',
      'gopher://127.0.0.1/',
    ];
    try {
      const steps = forbidden.map(
        (_, index) =>
          `  s${index}: { wait: { for: { http: { url: ${JSON.stringify(`\${{ params.u${index} }}`)} } }, every: 100ms, timeout: 20s } }`,
      );
      const params = forbidden.map((url, index) => `  u${index}: ${JSON.stringify(url)}`);
      rig.write('flow.yaml', `params:\n${params.join('\n')}\nmax_parallel: 20\nsteps:\n${steps.join('\n')}\n`);
      const { code, stderr } = await rig.flowctl('run', 'flow.yaml', '-q');
      expect(code, stderr).toBe(1);
      const run = await shown(rig);
      forbidden.forEach((url, index) => {
        const { state, error } = stepOf(run, `s${index}`);
        expect({ url, state, code: error?.code }).toEqual({ url, state: 'failed', code: 'wait' });
        expect(error?.message).not.toMatch(/169\.254|passwd|user:pass/);
      });
      // Only what leads away was asked.
      expect(new Set(server.asked.map(({ path }) => path))).toEqual(new Set(['/away', '/file']));
    } finally {
      await server.close();
    }
  });

  it('S21: a private host is asked where the flow, a secret or the project names it, and not where it came with data', async () => {
    const { rig } = here;
    const server = await serve((asked, response) => {
      const away = { location: `${server.url}/arrived` };
      if (asked.path === '/away') response.writeHead(302, away).end();
      else response.writeHead(200).end();
    });
    const named = `http://localhost:${server.port}`;
    const wait = (url: string) =>
      `{ needs: made, wait: { for: { http: ${JSON.stringify(url)} }, every: 100ms, timeout: 20s } }`;
    rig.write(
      'flow.yaml',
      `params: { url: { type: string }, other: "${named}" }
secrets: [HOOK]
steps:
  made: { run: 'echo "url=$URL" >> "$FLOWCTL_OUTPUT"', env: { URL: "\${{ params.url }}" } }
  literal: ${wait(`${named}/literal`)}
  default: ${wait('${{ params.other }}/default')}
  param: ${wait('${{ params.url }}/param')}
  output: ${wait('${{ steps.made.outputs.url }}/output')}
  away: ${wait(`${named}/away`)}
finally:
  - notify: { webhook: "\${{ params.url }}/message", text: hello }
  - notify: { webhook: "\${{ secrets.HOOK }}/kept", text: hello }
`,
    );
    const { url } = server;
    const env = { HOOK: `http://127.1:${server.port}` };
    const asked = async () => {
      const { code, stderr } = await rig.flowctlWith({ env }, 'run', 'flow.yaml', '-p', `url=${url}`, '-q');
      const paths = server.asked.splice(0).map(({ path }) => path);
      return { code, stderr, paths: paths.sort() };
    };
    try {
      const asOften = ['/away', '/default', '/kept', '/literal'];
      const refused = await asked();
      expect(refused, refused.stderr).toMatchObject({ code: 1, paths: asOften });
      const run = await shown(rig);
      for (const key of ['param', 'output', 'away']) {
        expect(stepOf(run, key).error?.message).toContain('`allow_private_addresses` of flowctl.config.yaml');
      }
      rig.write('flowctl.config.yaml', 'allow_private_addresses: [127.0.0.0/8]\n');
      const allowed = await asked();
      const paths = [...asOften, '/arrived', '/message', '/output', '/param'].sort();
      expect(allowed, allowed.stderr).toMatchObject({ code: 0, paths });
    } finally {
      await server.close();
    }
  });
});

describe('what others give us', () => {
  const root = join(import.meta.dirname, '../..');
  const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));

  it('S25: dependencies are few and pinned; no script of theirs has to run', () => {
    const { dependencies, devDependencies, scripts } = read('package.json') as {
      readonly [name: string]: { readonly [name: string]: string };
    };
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
    expect(Object.keys(dependencies ?? {}).length).toBeLessThan(20);
    expect(Object.keys(scripts ?? {}).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
    const lock = read('package-lock.json') as {
      packages: {
        readonly [path: string]: {
          readonly hasInstallScript?: boolean;
          readonly integrity?: string;
          readonly dev?: boolean;
          readonly link?: boolean;
        };
      };
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    // That of esbuild only makes its start a little quicker: its binary comes in a package of its own, and is found without it.
    expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([
      'node_modules/esbuild',
    ]);
    expect(packages.some(([path]) => path === 'node_modules/@esbuild/linux-x64')).toBe(true);
    expect(
      packages
        .filter(([, { integrity, dev }]) => dev !== true && integrity?.startsWith('sha512-') !== true)
        .map(([path]) => path),
    ).toEqual([]);
  });
});

describe('what fills a disk', () => {
  it('S26: outputs have an end, whatever a step writes; the attempt fails and nothing of it is kept', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  file: { run: 'head -c 3000000 /dev/zero | tr "\\0" x > "$FLOWCTL_OUTPUT"', continue_on_error: true, shell: bash }
  sparse: { run: 'truncate -s 100G "$FLOWCTL_OUTPUT"', continue_on_error: true }
  printed: { output: text, run: 'head -c 40000000 /dev/zero', continue_on_error: true }
  deep: { output: json, run: [node, -e, 'console.log("[".repeat(1e5) + "]".repeat(1e5))'], continue_on_error: true }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml', '-q');
    expect(code, stderr).toBe(0);
    const run = await shown(rig);
    for (const key of ['file', 'sparse', 'printed', 'deep']) {
      const { tolerated, error, outputs } = stepOf(run, key);
      expect({ key, tolerated, code: error?.code, outputs }).toEqual({
        key,
        tolerated: true,
        code: 'outputs',
        outputs: null,
      });
    }
    const kept = rig.filesBelow().filter(({ path }) => path.includes('/outputs/'));
    expect(kept).toEqual([]);
  });
});
