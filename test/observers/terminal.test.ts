/** The live view on a real terminal (I12): what stands there at the end, however the run ends, and what never gets there. */

import { afterEach, describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually } from '../kit/rig.ts';
import { hasTmux, type Size, TmuxScreen } from './tmux.ts';

const here = useCase();
const RUN = '"$NODE" "$BIN" run flow.yaml';
const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 200, rows: 50 };

let screen: TmuxScreen | undefined;
afterEach(() => screen?.close());

function open(size: Size, more: { readonly [name: string]: string } = {}): TmuxScreen {
  screen = new TmuxScreen(here.rig, size, more);
  return screen;
}

const flow = (): string => `name: etl
steps:
  first: { run: 'true' }
  held: { needs: first, run: ${Stage.step('held')} }
  bad: { run: 'echo reason; exit 3' }
  after_bad: { needs: bad, run: 'true' }
`;

const maskedIds = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replace(/[0-7][0-9a-hjkmnp-tv-z]{25}/g, 'RUN'));

/** The process that owns a run. */
const ownerOf = (run: string): number => {
  const lock = JSON.parse(here.rig.read(`.flowctl/runs/${run}/lock`)) as { readonly pid: number };
  return lock.pid;
};

const COMMAND = `$ ${RUN}`;

describe.skipIf(!hasTmux)('on a terminal (needs tmux)', () => {
  for (const size of [SMALL, LARGE]) {
    it(`at ${size.columns}x${size.rows}: moves while the run goes on, and leaves a checklist and the summary`, async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.write('flow.yaml', flow());
      const terminal = open(size);
      terminal.enter(RUN);
      const puppet = await stage.enter('held');
      await puppet.print('looking\nfor something\n');
      await terminal.shows(/⠋|⠙|⠹|⠸|⠼|⠴|⠦|⠧|⠇|⠏/);
      await terminal.shows(/held .*for something/);
      await terminal.shows(/bad .*exited with code 3/);
      await puppet.exit(0);
      await terminal.shows('to go on: ');
      await terminal.shows(/\$$/);
      expect(maskedIds(terminal.lines())).toEqual([
        COMMAND,
        '✗ etl  RUN',
        expect.stringMatching(/^ {2}✓ first {7,}TIME$/),
        expect.stringMatching(/^ {2}✓ held {8,}TIME$/),
        expect.stringMatching(/^ {2}✗ bad {9,}TIME {2}exited with code 3$/),
        '  - after_bad          a step before it failed',
        '',
        'bad: exited with code 3',
        '  reason',
        '  all of it: flowctl logs RUN bad',
        '',
        'failed in TIME: 2 succeeded, 1 failed, 1 skipped',
        'to go on: flowctl resume RUN',
        '$',
      ]);
      expect(terminal.cursorIsVisible).toBe(true);
    });
  }

  for (const [how, end] of [
    ['Ctrl-C', 'C-c'],
    ['SIGTERM', 'SIGTERM'],
    ['SIGKILL', 'SIGKILL'],
  ] as const) {
    it(`leaves the cursor visible and the terminal usable after ${how}`, async () => {
      const { rig } = here;
      const stage = await here.stage();
      rig.write('flow.yaml', flow());
      const terminal = open(SMALL);
      terminal.enter(`${RUN}; echo "code $?"`);
      const puppet = await stage.enter('held');
      await terminal.shows(/held/);
      if (end === 'C-c') terminal.press('C-c');
      else process.kill(ownerOf(puppet.run), end);
      await puppet.gone;
      await terminal.shows(/\$$/);
      expect(terminal.cursorIsVisible).toBe(true);
      if (end !== 'SIGKILL') expect(terminal.text()).toMatch(/cancelled in TIME: .*1 cancelled/);
      terminal.enter('stty -a | tr " " "\\n" | grep -c -x -e echo -e icanon -e isig');
      await terminal.shows(/\n3\n\$$/);
    });
  }

  it('shows nothing of hostile output but its text', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', flow());
    const terminal = open(SMALL);
    const title = terminal.title;
    terminal.enter(RUN);
    const puppet = await stage.enter('held');
    await puppet.print(
      '\u001b]0;pwned\u0007\u001b[2J\u001b[31m\u001b[?1049h\u009b5A\u202eharm\u001b[8mless\u001b[H\rover\n',
    );
    await terminal.shows(/held .*over/);
    await puppet.print('\u001b]0;pwned\u0007\u001b[2J\u001b[31m\u001b[?1049h\u202eharm\u001b[8mless\u001b[H');
    await terminal.shows(/held .*harmless/);
    await puppet.exit(3);
    await terminal.shows('to go on: ');
    for (const bad of ['\u001b]', 'pwned', '\u001b[2J', '\u001b[?1049h', '\u001b[8m', '\u001b[H', '\u202e']) {
      expect(terminal.raw, JSON.stringify(bad)).not.toContain(Buffer.from(bad).toString('latin1'));
    }
    expect(terminal.title).toBe(title);
    // What is looked for would be seen if it were there.
    expect(terminal.raw).toContain('\u001b[?2026h');
  });

  it('says what else has to be said above the view', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'flow.yaml',
      `name: etl\nsteps:\n  held: { run: ${Stage.step('held')} }\n  parent: { run: 'sleep 60 & true' }\n`,
    );
    const terminal = open(SMALL);
    terminal.enter(RUN);
    const puppet = await stage.enter('held');
    await terminal.shows('left processes behind');
    await terminal.shows(/✓ parent/);
    expect(
      terminal
        .lines()
        .slice(1)
        .map((line) => line.replace(/^.*Z parent/, 'parent').replace(/: \d+$/, ': PID')),
    ).toEqual([
      'parent left processes behind, ended: PID',
      expect.stringMatching(/^\S etl {2}\w{10} {2}1\/2/),
      expect.stringMatching(/^ {2}\S held/),
      expect.stringMatching(/^ {2}✓ parent/),
    ]);
    await puppet.exit(0);
    await terminal.shows('2 succeeded');
  });

  it('follows the size of the terminal, and tears nothing', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', flow());
    const terminal = open(SMALL);
    terminal.enter(RUN);
    const puppet = await stage.enter('held');
    await puppet.print(`${'wide '.repeat(60)}\n`);
    await terminal.shows(/held .*wide.*…/);
    const counted = (word: string): number => terminal.lines().filter((line) => line.includes(word)).length;
    terminal.resize({ columns: 30, rows: 24 });
    await terminal.shows(/\n?. held .*wide.*…/);
    // tmux may have moved lines that it broke out of sight, where nothing reaches them; what is in sight is right.
    await eventually('one view is in sight', 10_000, () => counted('etl') === 1 && counted('after_bad') === 1);
    terminal.resize({ columns: 30, rows: 8 });
    await eventually('one view is in sight', 10_000, () => counted('etl') === 1 && counted('after_bad') === 1);
    terminal.resize({ columns: 120, rows: 30 });
    await terminal.shows(/\n {2}. held .*wide.*…/);
    await puppet.exit(0);
    await terminal.shows('to go on: ');
    const lines = terminal.lines();
    expect(maskedIds(lines.slice(lines.findLastIndex((line) => line.includes('etl')))).slice(0, 6)).toEqual([
      '✗ etl  RUN',
      expect.stringMatching(/^ {2}✓ first {7,}TIME$/),
      expect.stringMatching(/^ {2}✓ held {8,}TIME$/),
      expect.stringMatching(/^ {2}✗ bad {9,}TIME {2}exited with code 3$/),
      '  - after_bad          a step before it failed',
      '',
    ]);
  });

  it('stops with Ctrl-Z, is silent in the background, and goes on below what was typed meanwhile', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', flow());
    const terminal = open(SMALL);
    terminal.enter(RUN);
    const puppet = await stage.enter('held');
    await terminal.shows(/bad .*exited with code 3/);
    terminal.press('C-z');
    await terminal.shows('Stopped');
    expect(terminal.cursorIsVisible).toBe(true);
    terminal.enter('bg; echo between');
    await terminal.shows(/\nbetween\n\$$/);
    await puppet.print('in the background\n');
    // The next command is answered at its own place: nothing was drawn over it.
    terminal.enter('echo undisturbed');
    await terminal.shows(/between\n\$ echo undisturbed\nundisturbed\n\$$/);
    terminal.enter('fg');
    await terminal.shows(/undisturbed\n\$ fg\n.*\n\S etl[\s\S]*in the background/);
    await puppet.exit(0);
    await terminal.shows(/to go on: .*\n\$$/);
  });

  for (const [what, line, more] of [
    ['TERM=dumb', RUN, { TERM: 'dumb' }],
    ['TERM=dumb, though a tree is asked for', `${RUN} --output tree`, { TERM: 'dumb' }],
    ['a pipe', `${RUN} | cat`, {}],
    ['a pipe, though a tree is asked for', `${RUN} --output tree | cat`, {}],
    ['a CI job', RUN, { CI: 'true' }],
    ['--output plain', `${RUN} --output plain`, {}],
    ['--log-level warn', `${RUN} --log-level warn`, {}],
  ] as const) {
    it(`is plain with ${what}`, async () => {
      const { rig } = here;
      rig.write('flow.yaml', 'steps:\n  bad: { run: "exit 3" }\n');
      const terminal = open(LARGE);
      for (const [name, value] of Object.entries(more)) terminal.enter(`export ${name}=${value}`);
      terminal.enter(line);
      await terminal.shows('to go on: ');
      expect(terminal.text()).toMatch(/\d{4}-\d\d-\d\dT.*Z bad failed after TIME: exited with code 3/);
      expect(terminal.raw).not.toContain('\u001b[?2026h');
    });
  }

  it('is a tree in a CI job when that is asked for by name', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps:\n  bad: { run: "exit 3" }\n');
    const terminal = open(LARGE);
    terminal.enter(`CI=1 ${RUN} --output tree`);
    await terminal.shows('to go on: ');
    expect(terminal.raw).toContain('\u001b[?2026h');
  });
});
