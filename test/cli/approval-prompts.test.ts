/** Approvals at the terminal where the run is watched. */

import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf } from '../kit/flows.ts';
import { BIN, eventually } from '../kit/rig.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';
import { hasTmux, TmuxScreen } from '../observers/tmux.ts';

const here = useCase();
const ASK = '(yes, no, or later|.*yes, no, or later.*): ';
const asks = new RegExp(`${ASK}$`);

const flow = (...more: readonly string[]): string =>
  [
    'steps:',
    '  gate:',
    '    approve:',
    '      message: "Deploy ${{ flow.name }}?"',
    ...more.map((line) => `      ${line}`),
    '  ship:',
    '    needs: gate',
    '    run: \'echo "$ANSWER" >> "$EFFECTS"\'',
    '    env: { ANSWER: "${{ toJSON(steps.gate.outputs) }}" }',
    '',
  ].join('\n');

const watch = (output: string, ...more: readonly string[]) => {
  const argv = [process.execPath, BIN, 'run', 'flow.yaml', '--output', output, ...more];
  return onTerminal(here.rig, argv, { env: { TERM: 'xterm' } });
};

describe.skipIf(!hasTerminals)('a run on a terminal (needs python3)', () => {
  it.each(['tree', 'plain'])('asks, while the %s view waits, and goes on with a yes', async (output) => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = watch(output);
    await terminal.prints('Deploy flow?');
    await terminal.prints(asks);
    terminal.type('maybe\r');
    await terminal.prints(new RegExp(`${ASK}maybe\\s+${ASK}$`));
    terminal.type('y\r');
    const end = await terminal.ended;
    expect(end, end.screen).toMatchObject({ code: 0 });
    expect(stepOf(await shown(rig), 'gate')).toMatchObject({
      state: 'succeeded',
      answer: { approved: true, by: { kind: 'user' }, comment: null },
    });
  });

  it('a no fails the step', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = watch('plain');
    await terminal.prints(asks);
    terminal.type('No\r');
    expect(await terminal.ended).toMatchObject({ code: 1 });
    expect(stepOf(await shown(rig), 'gate')).toMatchObject({ state: 'failed', answer: { approved: false } });
    expect(rig.effects()).toEqual([]);
  });

  it('asks for params, reads them as their types say, and asks again for what does not fit', async () => {
    const { rig } = here;
    const params = 'params: { ticket: { type: integer, minimum: 10 }, where: { type: string, default: east } }';
    rig.write('flow.yaml', flow(params));
    const terminal = watch('plain');
    await terminal.prints(asks);
    terminal.type('yes\r');
    await terminal.prints(/ticket \(integer\): $/);
    terminal.type('many\r');
    await terminal.prints(/where \(string, default "east"\): $/);
    terminal.type('\r');
    await terminal.prints('has to be of type integer');
    await terminal.prints(/not `many`[\s\S]*ticket \(integer\): $/);
    terminal.type('17\r');
    expect(await terminal.ended).toMatchObject({ code: 0 });
    expect(stepOf(await shown(rig), 'gate').answer).toMatchObject({ params: { ticket: 17, where: 'east' } });
  });

  it('an answer from elsewhere ends the prompt', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = watch('plain');
    await terminal.prints(asks);
    expect(await rig.flowctl('approve', 'last', 'gate', '--comment', 'from afar')).toMatchObject({ code: 0 });
    const end = await terminal.ended;
    expect(end, end.screen).toMatchObject({ code: 0 });
    expect(end.screen).toContain('answered elsewhere');
    expect(stepOf(await shown(rig), 'gate').answer).toMatchObject({ comment: 'from afar' });
  });

  it('later leaves it to `flowctl approve`', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = watch('plain');
    await terminal.prints(asks);
    terminal.type('later\r');
    await terminal.prints('left for later');
    expect(await onlyRun(rig)).toMatchObject({ exit_code: null });
    const approved = await rig.flowctl('approve', 'last', 'gate');
    expect(approved, approved.stderr).toMatchObject({ code: 0 });
    expect(await terminal.ended).toMatchObject({ code: 0 });
  });

  it('Ctrl-C at the prompt ends the run', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = watch('tree');
    await terminal.prints(asks);
    terminal.type('\u0003');
    const end = await terminal.ended;
    expect(end, end.screen).toMatchObject({ signal: 'SIGINT' });
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 130 });
  });

  it('asks for a step of a sub-flow, and what follows is asked next', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      'steps:\n  report: { flow: ./inner.yaml }\n  last: { needs: report, approve: { message: sure } }\n',
    );
    rig.write('inner.yaml', 'steps:\n  gate: { approve: { message: really } }\n');
    const terminal = watch('plain');
    await terminal.prints(/report\/gate[\s\S]*really[\s\S]*later.*: $/);
    terminal.type('y\r');
    await terminal.prints(/sure[\s\S]*later.*: $/);
    terminal.type('y\r');
    expect(await terminal.ended).toMatchObject({ code: 0 });
  });

  it('a run that was left is asked about when it is resumed', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    expect(await rig.flowctl('run', 'flow.yaml', '--no-wait')).toMatchObject({ code: 6 });
    const argv = [process.execPath, BIN, 'resume', '--output', 'plain'];
    const terminal = onTerminal(rig, argv, { env: { TERM: 'xterm' } });
    await terminal.prints(asks);
    terminal.type('y\r');
    expect(await terminal.ended).toMatchObject({ code: 0 });
  });

  it.each([
    [['--no-wait'], 6],
    [['--output', 'json'], null],
    [['-q'], null],
  ])('asks nobody with %j', async (more, code) => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const terminal = onTerminal(rig, [process.execPath, BIN, 'run', 'flow.yaml', ...more], { env: { TERM: 'xterm' } });
    if (code === null) {
      await eventually('it waits', 20_000, async () => {
        const [row] = await rig.query<RunRow[]>('runs');
        const rows = row === undefined ? null : await shown(rig);
        return rows?.steps[0]?.state === 'waiting';
      });
      const approved = await rig.flowctl('approve', 'last', 'gate');
      expect(approved, approved.stderr).toMatchObject({ code: 0 });
    }
    const end = await terminal.ended;
    expect(end).toMatchObject({ code: code ?? 0 });
    expect(end.screen).not.toContain('approve?');
  });
});

it.skipIf(!hasTmux)('the live view goes on beneath what was asked and answered (needs tmux)', async () => {
  const { rig } = here;
  rig.write('flow.yaml', `steps:\n  build: { run: "true" }\n${flow().split('\n').slice(1).join('\n')}`);
  const screen = new TmuxScreen(rig, { columns: 80, rows: 24 });
  try {
    screen.enter('"$NODE" "$BIN" run flow.yaml');
    await screen.shows('yes, no, or later:');
    screen.enter('yes');
    await screen.shows(/^succeeded in /m);
    const lines = screen.lines();
    const last = lines.findLastIndex((line) => /^✓ flow {2}\w{26}$/.test(line));
    expect(lines.slice(last + 1, last + 5)).toEqual([
      expect.stringMatching(/^ {2}✓ build {3,}TIME$/),
      '  ✓ gate',
      expect.stringMatching(/^ {2}✓ ship {3,}TIME$/),
      '',
    ]);
    expect(lines.slice(0, last).join('\n')).toContain('? gate Deploy flow?');
  } finally {
    screen.close();
  }
});
