/** Steps with `interactive: true`: they have the terminal, one at a time, and leave it as it was (I12). */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf } from '../kit/flows.ts';
import { BIN, eventually, tagged } from '../kit/rig.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';

const here = useCase();
const flowctl = (...argv: readonly string[]): readonly string[] => [process.execPath, BIN, ...argv];

const ask = (name: string, more: readonly string[] = []): readonly string[] => [
  `  ${name}:`,
  '    interactive: true',
  ...more.map((line) => `    ${line}`),
  '    run: |',
  `      printf '${name}? '`,
  '      read -r answer',
  `      printf '%s' "$answer" > ${name}.txt`,
  `      test -t 0 && test -t 1 && test -t 2 && echo "${name}: $answer"`,
];
const flow = (...steps: readonly (readonly string[])[]): string => ['steps:', ...steps.flat(), ''].join('\n');

describe.skipIf(!hasTerminals)('on a terminal (needs python3)', () => {
  it.each(['tree', 'plain'])('a step asks and is answered, while the %s view waits', async (output) => {
    const { rig } = here;
    const quick = ['  other:', '    run: "echo quick"'];
    rig.write('flow.yaml', flow(ask('name'), quick));
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml', '--output', output));
    await terminal.prints('name? ');
    await eventually(
      'the other step has ended',
      20_000,
      async () => stepOf(await shown(rig), 'other').state === 'succeeded',
    );
    const before = terminal.screen();
    terminal.type('Ada\r');
    const end = await terminal.ended;
    expect(end, end.screen).toMatchObject({ code: 0 });
    expect(rig.read('name.txt')).toBe('Ada');
    // Nothing was drawn or printed between the question and the answer.
    expect(before.slice(before.lastIndexOf('name? '))).toBe('name? ');
    expect(end.screen).toContain('name: Ada');
    expect(end.screen.slice(end.screen.lastIndexOf('name: Ada'))).toContain('other');
    expect((await rig.flowctl('logs', 'name')).stdout).toBe('');
  });

  it('two of them have it one after the other', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow(ask('one'), ask('two')));
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml', '--output', 'plain'));
    await terminal.prints(/(one|two)\? $/);
    const [first, second] = terminal.screen().includes('one? ') ? ['one', 'two'] : ['two', 'one'];
    await eventually('both have been started', 20_000, async () =>
      (await shown(rig)).steps.every(({ state }) => state === 'running'),
    );
    expect(terminal.screen()).not.toContain(`${second}? `);
    terminal.type('1\r');
    await terminal.prints(`${second}? `);
    terminal.type('2\r');
    expect(await terminal.ended).toMatchObject({ code: 0 });
    expect([rig.read(`${first}.txt`), rig.read(`${second}.txt`)]).toEqual(['1', '2']);
  });

  it('a step that is ended leaves the terminal as it was, for those that follow, and nothing behind', async () => {
    const { rig } = here;
    const raw = ['  raw:', '    interactive: true', '    timeout: 500ms', '    continue_on_error: true'];
    const text = '    run: "stty -g > before; stty raw -echo; stty -g > between; echo waiting; sleep 60"';
    const next = ['  next:', '    interactive: true', '    needs: raw', '    run: stty -g > after'];
    rig.write('flow.yaml', flow([...raw, text], next));
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml', '--output', 'plain'));
    expect(await terminal.ended).toMatchObject({ code: 0 });
    expect(rig.read('between')).not.toBe(rig.read('before'));
    expect(rig.read('after')).toBe(rig.read('before'));
    const { id } = await onlyRun(rig);
    expect(tagged(id)).toEqual([]);
    expect(stepOf(await shown(rig), 'raw')).toMatchObject({ state: 'failed', timed_out: true });
  });

  it('Ctrl-C ends it with the run', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow(ask('name'), ask('later')));
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml', '--output', 'plain'));
    await terminal.prints('? ');
    terminal.type('\u0003');
    expect(await terminal.ended).toMatchObject({ signal: 'SIGINT' });
    const { id, state } = await onlyRun(rig);
    expect(state).toBe('cancelled');
    expect(tagged(id)).toEqual([]);
  });

  it('it is gone with flowctl, though it is in no group of its own', async () => {
    const { rig } = here;
    rig.give({ FLOWCTL_GRACE: '300ms' });
    const stubborn = [
      '  stubborn:',
      '    interactive: true',
      '    run: "trap \'\' TERM HUP; echo $PPID > pid; echo up; while :; do sleep 1; done"',
    ];
    rig.write('flow.yaml', flow(stubborn));
    const line = '"$NODE" "$BIN" run flow.yaml --output plain; echo "ended $?"; sleep 60';
    const terminal = onTerminal(rig, ['/bin/bash', '-c', line]);
    await terminal.prints('up');
    const id = rig.runIds()[0] ?? '';
    expect(tagged(id).length).toBeGreaterThan(0);
    process.kill(Number(rig.read('pid')), 'SIGKILL');
    await terminal.prints('ended 137');
    await eventually('its processes are gone', 10_000, () => tagged(id).length === 0);
    terminal.close();
    await terminal.ended;
  });

  it('it has the terminal also where the output of flowctl goes elsewhere', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow(ask('name')));
    const terminal = onTerminal(rig, [
      '/bin/sh',
      '-c',
      '"$NODE" "$BIN" run flow.yaml --output json < /dev/null > events',
    ]);
    await terminal.prints('name? ');
    terminal.type('Ada\r');
    expect(await terminal.ended).toMatchObject({ code: 0 });
    expect(rig.read('events')).not.toContain('name?');
  });
});

it('without a terminal it fails, and says so', async () => {
  const { rig } = here;
  rig.write('flow.yaml', flow(ask('name')));
  const run = await rig.startProgram('setsid', ['-w', process.execPath, BIN, 'run', 'flow.yaml']).ended;
  expect(run.code).toBe(1);
  expect(`${run.stdout}${run.stderr}`).toContain('`interactive: true` needs a terminal');
  expect(stepOf(await shown(rig), 'name')).toMatchObject({ state: 'failed', error: { code: 'start_refused' } });
});
