/** What others wrote, on its way to a terminal, a page of continuous integration, or a browser (S14, S15, S19). */

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { sealAfter } from '../../src/store/sealed-line.ts';
import { useCase } from '../kit/case.ts';
import { chain, journalOf } from '../kit/flows.ts';
import type { Ended } from '../kit/rig.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const here = useCase();

/** Sets the clipboard; colours by an 8-bit control; turns the direction of the text around. */
const OSC = '\u001b]52;c;ZXZpbA==\u0007';
const HOSTILE = `${OSC}\u009b31m\u202ex\u2066`;
/** What no view may hold: C0 but newline, C1, the bidirectional controls. */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const escaped = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

function expectHarmless({ stdout, stderr }: Ended, what: string): void {
  expect(OBEYED.exec(stdout + stderr)?.[0], `${what}: ${JSON.stringify(stdout + stderr)}`).toBeUndefined();
}

describe('nothing that a terminal obeys is in', () => {
  it('S14: what is said of a file that is wrong, its lines included', async () => {
    const { rig } = here;
    const files = [
      `steps:\n  a: { run: x, "bad\u202ekey": 1, needs: [no\u009b31mwhere\u202e] }\n`,
      `steps:\n  a: { run: "\${{ params.x\u202e }}", "k": "\u009b31m" } # ${OSC}\n`,
      `steps: { a: { run: x } # ${OSC}\n : ][ \u202e\n`,
      `steps: { a: { run: x, ${escaped(HOSTILE)}: 1, needs: [${escaped(HOSTILE)}] } }\nname: ${escaped(HOSTILE)}\n`,
      `params: { p: { type: ${escaped(HOSTILE)} } }\nsteps: { a: { run: x, if: ${escaped(HOSTILE)} } }\n`,
    ];
    for (const text of files) {
      rig.write('flow.yaml', text);
      for (const command of ['validate', 'run', 'graph']) {
        const ended = await rig.flowctl(command, 'flow.yaml');
        expect(ended.code, ended.stderr).toBe(3);
        expectHarmless(ended, `${command} of ${text}`);
      }
    }
  });

  it('S14: messages that repeat what was typed, which may be the name of a file', async () => {
    const { rig } = here;
    rig.write('flow.yaml', `params: { n: 1 }\n${chain()}`);
    rig.write(`f${HOSTILE}.yaml`, chain());
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(0);
    for (const argv of [
      ['run', `no${HOSTILE}.yaml`],
      ['run', `f${HOSTILE}.yaml`],
      ['run', 'flow.yaml', '-p', `n=${HOSTILE}`],
      ['run', 'flow.yaml', '-p', `${HOSTILE}=1`],
      ['run', 'flow.yaml', `--${HOSTILE}`],
      ['run', 'flow.yaml', '--only', HOSTILE],
      ['validate', `no${HOSTILE}.yaml`],
      ['graph', `no${HOSTILE}`],
      ['show', `0${HOSTILE}`],
      ['logs', 'last', HOSTILE],
      ['resume', HOSTILE],
      ['resume', '--from', HOSTILE],
      ['cancel', HOSTILE],
      ['approve', 'last', HOSTILE],
      ['rerun', HOSTILE],
      [HOSTILE],
      ['runs', '--state', HOSTILE],
      ['runs', '--since', HOSTILE],
      ['runs', '--state-dir', `s${HOSTILE}`],
    ])
      expectHarmless(await rig.flowctl(...argv), argv.join(' '));
  });

  it('S14: params, outputs, names, messages, artifacts and keys, in every view of the run', async () => {
    const { rig } = here;
    rig.write('hostile.json', JSON.stringify({ [HOSTILE]: HOSTILE, plain: HOSTILE }));
    rig.write(
      'tasks.mjs',
      `import { readFileSync } from 'node:fs';
const hostile = JSON.parse(readFileSync(new URL('hostile.json', import.meta.url), 'utf8'));
export const give = () => hostile;
export const fail = () => { throw new Error(hostile.plain); };\n`,
    );
    rig.write(
      'flow.yaml',
      `description: ${escaped(HOSTILE)}
run_name: ${escaped(`n${HOSTILE}`)}
tags: [${escaped(HOSTILE)}]
params: { p: { type: string } }
steps:
  give: { call: ./tasks.mjs#give, description: ${escaped(HOSTILE)} }
  map: { foreach: [${escaped(HOSTILE)}, { k: ${escaped(HOSTILE)} }], run: 'exit 3', continue_on_error: true }
  keyed: { foreach: ["a", ${escaped('\u202eb')}], key: "\${{ item }}", run: 'true', continue_on_error: true }
  fail: { call: ./tasks.mjs#fail, continue_on_error: true }
  file: { run: 'cat hostile.json > "$FLOWCTL_ARTIFACTS/$(printf "a\\033]0;x\\007b")"; cat hostile.json >&2; exit 4', continue_on_error: true }
  ask: { needs: [give, map, keyed, fail, file], approve: { message: ${escaped(HOSTILE)} } }
  last: { needs: ask, env: { P: "\${{ params.p }}" }, run: 'echo "$P"; exit 5' }
outputs: { give: "\${{ steps.give.outputs }}" }
`,
    );
    const github = { GITHUB_ACTIONS: 'true', NO_COLOR: '1' };
    const first = await rig.flowctl('run', 'flow.yaml', '-p', `p=${HOSTILE}`, '--no-wait');
    expect(first.code, first.stderr).toBe(6);
    expectHarmless(first, 'run');
    for (const argv of [
      ['show'],
      ['show', '--all'],
      ['runs'],
      ['graph', 'last'],
      ['graph', 'flow.yaml'],
      ['run', 'flow.yaml', '-p', `p=${HOSTILE}`, '--dry-run'],
    ])
      expectHarmless(await rig.flowctl(...argv), argv.join(' '));
    const answered = await rig.flowctlWith({ env: github }, 'approve', 'last', 'ask', '--comment', HOSTILE);
    expect(answered.code, answered.stderr).toBe(1);
    expectHarmless(answered, 'approve');
    for (const argv of [
      ['show'],
      ['runs'],
      ['graph', 'last', '--format', 'mermaid'],
      ['graph', 'last', '--format', 'dot'],
      ['cache'],
    ])
      expectHarmless(await rig.flowctl(...argv), argv.join(' '));
    const done = await rig.flowctl('show', '--json');
    // Documents hold it, escaped as JSON has it.
    expect(done.stdout).toContain('\\u001b]52;c;');
  });

  it('S14: a journal that somebody made, whatever it says', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'exit 1'" }));
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(1);
    const path = journalOf(rig);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const forge = (change: (text: string) => string): void => {
      let previous: string | null = null;
      const forged = lines.map((line) => {
        const { crc: _, prev: __, ...object } = JSON.parse(change(line)) as { crc: string; prev?: string };
        const { line: made, crc } = sealAfter(JSON.stringify(object), previous);
        previous = crc;
        return made;
      });
      writeFileSync(path, forged.join(''));
    };
    const put = escaped(HOSTILE).slice(1, -1);
    for (const [from, to] of [
      ['"flow":"chain"', `"flow":"chain${put}"`],
      ['"trigger":"manual"', `"trigger":"${put}"`],
      ['"step":"b"', `"step":"b${put}"`],
      ['"message":"', `"message":"${put}`],
      ['"signal":null', `"signal":"${put}"`],
      ['"time":"2', `"time":"${put}2`],
      ['"flowctl":"', `"flowctl":"${put}`],
    ] as const) {
      forge((line) => line.replaceAll(from, to));
      expect(readFileSync(path, 'utf8')).toContain('\\u001b]52');
      for (const argv of [['show'], ['runs'], ['resume', '--frozen']]) {
        const ended = await rig.flowctl(...argv);
        expectHarmless(ended, `${argv.join(' ')} with ${to}`);
        expect([0, 1, 2, 4, 65], `${argv.join(' ')} with ${to}: ${ended.stderr}`).toContain(ended.code);
      }
    }
  });
});

describe('a page or a drawing', () => {
  it('S19: of a graph is data wherever names and states stand: no markup, no script, no way out of a label', async () => {
    const { rig } = here;
    const nasty = '<img src=x onerror=alert(1)></text><script>alert(1)</script>"];click a href "javascript:alert(1)"';
    rig.write(
      'flow.yaml',
      `name: page\nsteps:\n  map: { foreach: [${JSON.stringify(nasty.replaceAll('/', '|'))}], key: "\${{ item }}", run: 'exit 3' }\n`,
    );
    expect((await rig.flowctl('run', 'flow.yaml', '-q')).code).toBe(1);
    for (const format of ['svg', 'mermaid', 'dot', 'tree']) {
      const { code, stdout } = await rig.flowctl('graph', 'last', '--format', format);
      expect(code).toBe(0);
      if (format === 'svg') {
        expect(stdout).not.toMatch(/<script|<img|\son\w+=|javascript:|<a\b|<foreignObject/i);
        expect(
          stdout
            .match(/<[a-zA-Z]+/g)
            ?.every((tag) =>
              /^<(svg|g|rect|path|text|title|desc|defs|marker|style|polygon|line|circle|tspan|polyline)$/.test(tag),
            ),
        ).toBe(true);
      }
      if (format === 'mermaid') expect(stdout).not.toMatch(/^\s*click/m);
    }
  });
});
