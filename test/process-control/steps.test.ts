/** Cases 50, 55, 56, 61, 63 and 65: what steps may do to flowctl, and what they get from it (I9). */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { readProcessStat } from '../../src/process/identity.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { Stage } from '../kit/puppet.ts';
import { tagged } from '../kit/rig.ts';

const here = useCase();
const MEBIBYTE = 1024 * 1024;

/** The most memory that flowctl itself had while it ran a flow, in bytes. */
async function peakOf(flow: string): Promise<number> {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', flow.replace('LAST', Stage.step('last')));
  const run = rig.start(['run', 'flow.yaml']);
  const last = await stage.enter('last');
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${run.pid}/status`, 'latin1'))?.[1];
  await last.exit(0);
  const { code, stderr } = await run.ended;
  expect(code, stderr).toBe(0);
  return Number(peak) * 1024;
}

describe('a step that prints without end', () => {
  it('case 50: 256 MB without a newline, and of NUL bytes: the log whole, memory as without', async () => {
    const { rig } = here;
    const printing = (command: string): string => `steps:
  big: { run: '${command}' }
  last: { needs: big, run: LAST }
`;
    const baseline = await peakOf(printing('true'));
    for (const command of [
      'head -c 268435456 /dev/zero',
      // Through the pipe that text gets which names its output.
      'head -c 268435456 /dev/zero | tr "\\\\0" x > /dev/stdout',
    ]) {
      const peak = await peakOf(printing(command));
      expect(peak - baseline, command).toBeLessThan(64 * MEBIBYTE);
      const { attempts } = stepOf(await shown(rig), 'big');
      expect(statSync(attempts[0]?.log ?? '').size).toBe(268_435_456);
      await rig.shell('rm -r .flowctl').ended;
    }
  });

  it('a failed step that printed one endless line: its last bytes are shown, not all of it', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single('run: \'head -c 50000000 /dev/zero | tr "\\\\0" x; echo; echo the end; exit 1\''));
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(1);
    expect(stdout).toContain('the end');
    expect(stdout.length).toBeLessThan(20_000);
  });
});

describe('shortage', () => {
  it('case 55: 64 descriptors, 40 steps at once: slower, but no failure', async () => {
    const { rig } = here;
    const steps = Array.from({ length: 40 }, (_, index) => `  s${index}: { run: 'sleep 0.2; echo x >> "$EFFECTS"' }`);
    rig.write('flow.yaml', `max_parallel: 40\nsteps:\n${steps.join('\n')}\n`);
    const { code, stdout, stderr } = await rig.shell('ulimit -n 64; exec "$NODE" "$BIN" run flow.yaml').ended;
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(rig.effects()).toHaveLength(40);
    for (const { attempts } of (await shown(rig)).steps) expect(attempts).toHaveLength(1);
  });

  it('case 56: a script of 1 MB runs; an argument and a variable of 200 kB are named, without their value', async () => {
    const { rig } = here;
    const long = 'v'.repeat(200_000);
    const script = `${`      # ${'c'.repeat(1_000)}\n`.repeat(1_000)}      echo ran >> "$EFFECTS"\n`;
    rig.write(
      'flow.yaml',
      `params: { long: { type: string } }
steps:
  script:
    run: |
${script}
  argument: { run: [echo, "\${{ params.long }}"] }
  variable: { run: 'true', env: { LONG: "\${{ params.long }}" } }
`,
    );
    rig.write('params.json', JSON.stringify({ long }));
    expect((await rig.flowctl('run', 'flow.yaml', '--params-file', 'params.json')).code).toBe(1);
    expect(rig.effects()).toEqual(['ran']);
    const run = await shown(rig);
    expect(stepOf(run, 'script').state).toBe('succeeded');
    for (const [key, what] of [
      ['argument', 'argument 1'],
      ['variable', '`LONG`'],
    ] as const) {
      const { error } = stepOf(run, key);
      expect(error).toMatchObject({ code: 'arguments_too_large', message: expect.stringContaining('E2BIG') });
      expect(error?.message).toContain(what);
      expect(error?.message.length).toBeLessThan(300);
    }
  });
});

overLaunchers(here, () => {
  describe('a step that opens its output by name', () => {
    it('case 61: in its text: the log is whole, in order', async () => {
      const { rig } = here;
      rig.write(
        'flow.yaml',
        single(
          `run: 'echo one; echo two > /dev/stderr; echo three; echo four | tee /dev/stderr > /dev/null; echo five'`,
        ),
      );
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      expect((await rig.flowctl('logs', 'only')).stdout).toBe('one\ntwo\nthree\nfour\nfive\n');
    });

    it('case 61: in a script that it calls: the log is whole; further away, the loss is reported', async () => {
      const { rig } = here;
      rig.write('near.sh', 'echo two > /dev/stderr\n');
      rig.write('far.sh', '. ./far.inc\n');
      rig.write('far.inc', 'echo two > /dev/stderr\n');
      rig.write(
        'flow.yaml',
        `steps:
  near: { run: 'echo one; sh near.sh; echo three' }
  far: { run: 'head -c 100000 /dev/zero; sleep 1; sh far.sh; echo three' }
`,
      );
      const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
      expect(code).toBe(0);
      expect((await rig.flowctl('logs', 'near')).stdout).toBe('one\ntwo\nthree\n');
      expect((await rig.flowctl('logs', 'far')).stdout).toBe('two\nthree\n');
      expect((await shown(rig)).warnings).toMatchObject([{ step: 'far', code: 'log_truncated' }]);
      expect(stdout).toMatch(/far warning: .*truncated/);
    });

    it.each([
      ['soon', 'echo one; sleep 0.15; sh far.sh'],
      ['later, when the log is as long as it was', 'seq 1000; sleep 0.4; sh far.sh; seq 1000'],
      ['and the log has become longer than it was', 'seq 1000; sleep 0.4; sh far.sh; seq 9000'],
    ])('case 61: a loss is reported also when it happens %s', async (_, text) => {
      const { rig } = here;
      rig.write('far.sh', '. ./far.inc\n');
      rig.write('far.inc', 'echo two > /dev/stderr\n');
      rig.write(
        'flow.yaml',
        `steps:\n  far: { run: '${text}' }\n  other: { run: '${text.replace('sh far.sh', 'true')}' }\n`,
      );
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      expect((await rig.flowctl('logs', 'far')).stdout).toMatch(/^two\n/);
      expect((await shown(rig)).warnings).toMatchObject([{ step: 'far', code: 'log_truncated' }]);
    });
  });
});

describe('what a step gets', () => {
  overLaunchers(here, () => {
    it('is started by who is to start it', async () => {
      const { rig } = here;
      rig.write('flow.yaml', single("run: 'cat /proc/$PPID/cmdline'"));
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      // Who asks for its parent is not for a shell that stays.
      const isStarter = rig.environment()['FLOWCTL_LAUNCHER'] !== 'direct';
      const { stdout } = await rig.flowctl('logs', 'only');
      expect(stdout.split('\0')[0]).toBe(isStarter ? 'flowctl-starter' : process.execPath);
    });

    it('case 63: no signal is ignored or blocked, standard input is empty, no descriptor of ours is open', async () => {
      const { rig } = here;
      rig.write(
        'flow.yaml',
        `steps:
  direct: { run: [sh, -c, 'grep -E "^Sig(Ign|Blk):" /proc/self/status; wc -c; ls /proc/thread-self/fd | wc -l'] }
  shell: { run: 'grep -E "^Sig(Ign|Blk):" /proc/self/status; wc -c; ls /proc/thread-self/fd | wc -l' }
`,
      );
      // 0, 1, 2, the folder that ls reads, and whatever the test itself was started with. What names /proc/self/fd is for no shell that stays.
      const { stdout: plain } = await rig.shell('ls /proc/self/fd < /dev/null | wc -l').ended;
      // Also where flowctl itself was started with signals ignored.
      await rig.shell('trap "" INT QUIT HUP PIPE; "$NODE" "$BIN" run flow.yaml').ended;
      for (const step of ['direct', 'shell']) {
        const { stdout } = await rig.flowctl('logs', step);
        expect(stdout).toBe(`SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n${plain}`);
      }
    });

    it('case 63: after 1,000 steps: no zombie, no descriptor more than after a few', async () => {
      const { rig } = here;
      const stage = await here.stage();
      const held = async (count: number): Promise<number> => {
        const steps = Array.from({ length: count }, (_, index) => `  s${index}: { run: 'true' }`).join('\n');
        const needs = Array.from({ length: count }, (_, index) => `s${index}`).join(', ');
        rig.write(
          'flow.yaml',
          `max_parallel: 8\nsteps:\n${steps}\n  last: { needs: [${needs}], run: ${Stage.step('last')} }\n`,
        );
        const run = rig.start(['run', 'flow.yaml', '-q']);
        const last = await stage.enter('last');
        const open = readdirSync(`/proc/${run.pid}/fd`).length;
        const children = readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, 'latin1').trim().split(' ');
        expect(children.map((pid) => readProcessStat(Number(pid))?.state)).not.toContain('Z');
        // The watchdog, and the last step or who started it; or shells, fewer than there are steps at once.
        const most = rig.environment()['FLOWCTL_LAUNCHER'] === 'shells' ? 8 : 2;
        expect(children.length).toBeLessThanOrEqual(most);
        await last.exit(0);
        expect((await run.ended).code).toBe(0);
        return open;
      };
      const few = await held(3);
      // Two for each shell, and what comes and goes.
      const more = rig.environment()['FLOWCTL_LAUNCHER'] === 'shells' ? 16 : 2;
      expect(await held(1_000)).toBeLessThanOrEqual(few + more);
    });
  });

  it('the variables of the contract', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      'name: named\nsteps:\n  look: { retry: 1, run: \'env | grep ^FLOWCTL_ | sort; [ "$FLOWCTL_ATTEMPT" = 2 ]\' }\n',
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const { id } = await onlyRun(rig);
    const variablesOf = async (attempt: string): Promise<ReadonlyMap<string, string>> => {
      const { stdout } = await rig.flowctl('logs', 'look', '--attempt', attempt);
      return new Map(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );
    };
    const [first, second] = [await variablesOf('1'), await variablesOf('2')];
    expect([...first.keys()]).toEqual(
      'ARTIFACTS ATTEMPT FLOW GRACE IDEMPOTENCY_KEY OUTPUT RUN_DIR RUN_ID STEP TOKEN'
        .split(' ')
        .map((name) => `FLOWCTL_${name}`)
        .concat(rig.environment()['FLOWCTL_LAUNCHER'] === undefined ? [] : 'FLOWCTL_LAUNCHER')
        .sort(),
    );
    expect(first.get('FLOWCTL_RUN_ID')).toBe(id);
    expect(first.get('FLOWCTL_FLOW')).toBe('named');
    expect(first.get('FLOWCTL_STEP')).toBe('look');
    expect([first.get('FLOWCTL_ATTEMPT'), second.get('FLOWCTL_ATTEMPT')]).toEqual(['1', '2']);
    expect(first.get('FLOWCTL_IDEMPOTENCY_KEY')).toBe(second.get('FLOWCTL_IDEMPOTENCY_KEY'));
    expect(first.get('FLOWCTL_OUTPUT')).not.toBe(second.get('FLOWCTL_OUTPUT'));
    expect(first.get('FLOWCTL_TOKEN')).toBe(`${id}/look/1;`);
  });
});

describe('a function that is stuck in a native call', () => {
  it('case 65: is timed out, what it waits for is ended, flowctl ends', async () => {
    const { rig } = here;
    rig.write(
      'stuck.ts',
      `import { execSync } from 'node:child_process';
export function stuck(): void {
  execSync('sleep 600');
}
export function loop(): void {
  for (;;);
}
export function deaf(): Promise<never> {
  return new Promise(() => setInterval(() => {}, 1_000));
}
`,
    );
    rig.write(
      'flow.yaml',
      `steps:
  native: { call: './stuck.ts#stuck', timeout: 1s }
  loop: { call: './stuck.ts#loop', timeout: 1s }
  deaf: { call: './stuck.ts#deaf', timeout: 1s }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stderr).toBe(1);
    const run = await shown(rig);
    for (const key of ['native', 'loop', 'deaf']) {
      const { timed_out, attempts } = stepOf(run, key);
      expect({ key, timed_out, outcomes: attempts.map(({ outcome }) => outcome) }).toEqual({
        key,
        timed_out: true,
        outcomes: ['timed_out'],
      });
      expect(attempts[0]?.duration_ms).toBeLessThan(30_000);
    }
    expect(tagged(run.id)).toEqual([]);
  });
});
