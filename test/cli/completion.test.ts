/** Completion: what is offered, and that real shells offer it. */

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { Command } from 'commander';
import { beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { OPERANDS, VALUES } from '../../src/cli/completion/grammar.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun } from '../kit/flows.ts';

const here = useCase();

/** What is offered behind these words; the last one is being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await here.rig.flowctl('__complete', '--', ...words);
  expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '');
}

describe('what is offered', () => {
  it('commands, and the options of each, by their beginning', async () => {
    expect(await offered('')).toEqual(COMMANDS.map(({ name }) => name));
    expect(await offered('re')).toEqual(['resume', 'rerun']);
    expect(await offered('--state-dir', 'x', 'ru')).toEqual(['run', 'runs']);
    expect(await offered('--st')).toEqual(['--state-dir']);
    expect(await offered('run', '--fa')).toEqual(['--fail-fast']);
    expect(await offered('run', 'flow.yaml', '--max-parallel', '3', '--out')).toEqual(['--output']);
    expect(await offered('nonsense', '')).toEqual([]);
    expect(await offered('help', 'e')).toEqual(['exit-codes']);
  });

  it('values of options, also behind `=`, however the shell cuts it; files and folders by the shell', async () => {
    expect(await offered('run', '--output', '')).toEqual(['auto', 'tree', 'plain', 'json']);
    expect(await offered('run', '--output=j')).toEqual(['--output=json']);
    expect(await offered('run', '--output', '=', 'j')).toEqual(['json']);
    expect(await offered('run', '--output', '=')).toEqual(['auto', 'tree', 'plain', 'json']);
    expect(await offered('run', '--max-parallel', '')).toEqual([]);
    expect(await offered('run', '')).toEqual([':files']);
    expect(await offered('validate', 'a.yaml', 'b.yaml', '')).toEqual([':files']);
    expect(await offered('run', 'a.yaml', '')).toEqual([]);
    expect(await offered('runs', '--state-dir', '')).toEqual([':folders']);
    expect(await offered('schema', '')).toEqual(['flow', 'event', 'run', 'config']);
  });

  it('runs, flows and steps; without any run nothing, and nothing is made', async () => {
    const { rig } = here;
    expect(await offered('show', '')).toEqual(['last']);
    expect(await offered('logs', 'last', '')).toEqual([]);
    expect(await offered('resume', '')).toEqual([':files']);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    rig.write('flow.yaml', chain({ b: "run: 'exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    expect(await offered('show', '')).toEqual(['last', id]);
    expect(await offered('show', id.slice(0, 5))).toEqual([id]);
    expect(await offered('resume', '')).toEqual([id, 'chain', ':files']);
    expect(await offered('logs', '')).toEqual(['last', id, 'a', 'b', 'c']);
    expect(await offered('logs', id, '')).toEqual(['a', 'b', 'c']);
    expect(await offered('logs', 'a', '')).toEqual([]);
    expect(await offered('runs', '--flow', 'ch')).toEqual(['chain']);
    expect(await offered('resume', '--from', '')).toEqual(['a', 'b', 'c']);
    expect(await offered('resume', 'chain', '--from', 'b')).toEqual(['b']);
  });

  it('steps that wait for an answer', async () => {
    const { rig } = here;
    const gate = '  gate: { approve: { message: ship? } }\n  other: { needs: gate, run: "true" }\n';
    rig.write('flow.yaml', `steps:\n  done: { run: "true" }\n${gate}`);
    await rig.flowctl('run', 'flow.yaml', '--no-wait');
    const { id } = await onlyRun(rig);
    expect(await offered('approve', id.slice(0, 12))).toEqual([id]);
    expect(await offered('approve', id, '')).toEqual(['gate']);
    await rig.flowctl('approve', id, 'gate');
    expect(await offered('approve', id, '')).toEqual([]);
  });

  it('steps of the flow file that was typed', async () => {
    const { rig } = here;
    rig.write('other flow.yaml', 'name: other\nsteps: { first: { run: x }, second: { run: x } }\n');
    expect(await offered('run', '"other flow.yaml"', '--only', '')).toEqual(['first', 'second']);
    expect(await offered('run', 'other\\ flow.yaml', '--only', 'first,s')).toEqual(['first,second']);
    rig.write('bad.yaml', 'steps: [');
    expect(await offered('run', 'bad.yaml', '--only', '')).toEqual([]);
  });

  it('damage and foreign folders are no errors at TAB', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const [id = ''] = rig.runIds();
    rig.write(`.flowctl/runs/${id}/journal.ndjson`, 'nonsense\n');
    await offered('logs', id, '');
    await offered('show', '');
    await offered('show', '--state-dir', '/proc/1/none', '');
  });
});

describe('the grammar of completion', () => {
  it('names only commands and options that exist, and every value it offers is accepted', async () => {
    const program = new Command();
    for (const { load } of COMMANDS) (await load()).define(program);
    expect(Object.keys(OPERANDS).filter((name) => !COMMANDS.some((command) => command.name === name))).toEqual([]);
    for (const [name, { places }] of Object.entries(OPERANDS)) {
      const command = program.commands.find((each) => each.name() === name);
      expect([name, command?.registeredArguments.length]).toEqual([name, places.length]);
    }
    const options = program.commands.flatMap((command) => command.options);
    for (const [name, sources] of Object.entries(VALUES)) {
      const meant = options.filter(({ long }) => long === name);
      expect(meant.length, name).toBeGreaterThan(0);
      for (const value of sources
        .flat()
        .filter((source) => !['files', 'folders', 'flows', 'runs', 'steps'].includes(source))) {
        for (const option of meant) expect(() => option.parseArg?.(value, undefined)).not.toThrow();
      }
    }
  });
});

const has = (shell: string): boolean => {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${shell}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

describe('real shells', () => {
  beforeEach(() => {
    const { rig } = here;
    // What is installed is called by its name.
    chmodSync(rig.write('bin/flowctl', '#!/bin/sh\nexec "$NODE" "$BIN" "$@"\n'), 0o755);
    rig.give({ PATH: `${rig.path('bin')}:${process.env['PATH']}` });
    rig.write('flow.yaml', chain());
    rig.write('folder/inner.yaml', chain());
  });

  it('bash: its own function, called as at a TAB', async () => {
    const { rig } = here;
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
      const quoted = words.map((word) => `'${word}'`).join(' ');
      const text = `set -u
source <(flowctl completion bash)
COMP_WORDS=(flowctl ${quoted}) COMP_CWORD=${words.length}
_flowctl flowctl "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
[ "\${#COMPREPLY[@]}" = 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { code, stdout, stderr } = await rig.startProgram('/bin/bash', ['--norc', '-c', text]).ended;
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
      return stdout.split('\n').filter((line) => line !== '');
    };
    expect(await complete('can')).toEqual(['cancel']);
    expect(await complete('show', '')).toEqual(['last', id]);
    expect(await complete('logs', id, 'b')).toEqual(['b']);
    expect(await complete('run', '--output', '=', 't')).toEqual(['tree']);
    expect(await complete('run', 'fl')).toEqual(['flow.yaml']);
    expect(await complete('init', 'f')).toEqual(['folder']);
    expect(await complete('run', '--no-co')).toEqual(['--no-color']);
  });

  it('bash: a TAB in a terminal', async (context) => {
    const { rig } = here;
    if (!has('tmux')) return context.skip('tmux is not installed');
    rig.write('rc', "PS1='$ '\nsource <(flowctl completion bash)\necho ready\n");
    const shell = 'bash --noprofile --rcfile rc -i';
    expect(
      await typedInTerminal(rig.path('tmux.sock'), shell, 'flowctl can\tlast --reas\t', 'cancel last --reason'),
    ).toContain('$ flowctl cancel last --reason');
  });

  it('zsh: a TAB in a terminal', async (context) => {
    const { rig } = here;
    if (!has('zsh') || !has('tmux')) return context.skip('zsh or tmux is not installed');
    rig.write(
      'zdot/.zshrc',
      "PS1='$ '\nautoload -Uz compinit && compinit -u -D\nsource <(flowctl completion zsh)\necho ready\n",
    );
    rig.give({ ZDOTDIR: rig.path('zdot') });
    expect(
      await typedInTerminal(rig.path('tmux.sock'), 'zsh -i', 'flowctl can\tlast --reas\t', 'cancel last --reason'),
    ).toContain('$ flowctl cancel last --reason');
    expect(
      await typedInTerminal(rig.path('tmux2.sock'), 'zsh -i', 'flowctl run fl\t--output=js\t', '--output=json'),
    ).toContain('$ flowctl run flow.yaml --output=json');
  });

  it('fish: its own `complete -C`, as at a TAB', async (context) => {
    const { rig } = here;
    if (!has('fish')) return context.skip('fish is not installed');
    const complete = async (line: string): Promise<readonly string[]> => {
      const text = `flowctl completion fish | source\ncomplete -C '${line}'`;
      const env = { HOME: rig.path('home'), XDG_CONFIG_HOME: rig.path('home'), XDG_DATA_HOME: rig.path('home') };
      const { code, stdout, stderr } = await rig.startProgram('fish', ['--no-config', '-c', text], { env }).ended;
      expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
      return stdout
        .split('\n')
        .filter((each) => each !== '')
        .map((each) => each.split('\t')[0] ?? '');
    };
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    expect(await complete('flowctl can')).toEqual(['cancel']);
    expect([...(await complete('flowctl show '))].sort()).toEqual([id, 'last']);
    expect(await complete('flowctl logs last b')).toEqual(['b']);
    expect(await complete('flowctl run fl')).toEqual(['flow.yaml']);
    expect(await complete('flowctl run --output=js')).toEqual(['--output=json']);
  });

  /** Types into a shell in a terminal of its own, and returns the screen as soon as it holds the text. */
  async function typedInTerminal(socket: string, shell: string, keys: string, awaited: string): Promise<string> {
    const { rig } = here;
    const tmux = (...argv: readonly string[]): string =>
      execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...argv], {
        cwd: rig.folder,
        env: rig.environment({ TERM: 'xterm', TMUX: undefined }),
        encoding: 'utf8',
      });
    const screenWith = async (text: string): Promise<string> => {
      const began = performance.now();
      for (;;) {
        const screen = tmux('capture-pane', '-p', '-t', 'shell');
        if (screen.includes(text) || performance.now() - began > 20_000) return screen;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    tmux('new-session', '-d', '-s', 'shell', '-x', '150', '-y', '30', shell);
    try {
      expect(await screenWith('ready')).toContain('ready');
      // One TAB after the other: what is typed while a shell completes may be taken for the answer to its question.
      for (const part of keys.split('\t').slice(0, -1)) {
        tmux('send-keys', '-t', 'shell', '-l', '--', part);
        await screenWith(part.trimStart());
        const before = await screenWith('');
        tmux('send-keys', '-t', 'shell', 'Tab');
        const began = performance.now();
        while (tmux('capture-pane', '-p', '-t', 'shell') === before && performance.now() - began < 20_000) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      return await screenWith(awaited);
    } finally {
      tmux('kill-server');
    }
  }
});
