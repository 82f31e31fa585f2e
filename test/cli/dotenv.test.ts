/** `dotenv`: variables from files lie above the environment and beneath `env`, for steps and for expressions alike. */

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { EFFECT, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase({ A: 'inherited', B: 'inherited', C: 'inherited', D: 'inherited', E: 'inherited' });

const FLOW = `dotenv: [.env, config/more.env]
env: { D: flow, E: flow }
params: { seen: "\${{ env.B }}/\${{ env.C }}" }
steps:
  shell:
    env: { E: step, SEEN: "\${{ params.seen }} \${{ env.A }} \${{ env.LINES }}" }
    run: 'echo "$A $B $C $D $E|$SEEN|$FLOWCTL_TOKEN|$FLOWCTL_STEP" >> "$EFFECTS"'
  call:
    needs: shell
    call: ./tasks.mjs#call
`;

describe('variables of files', () => {
  it('are seen by commands, functions, expressions and defaults; later files win, `env` wins over them', async () => {
    const { rig } = here;
    rig.write('project/flow.yaml', FLOW);
    rig.write(
      'project/.env',
      '# comment\nexport B=first\nC=first # why\nD=first\nE=first\nLINES="x\ny"\nFLOWCTL_TOKEN=theirs\nFLOWCTL_STEP=theirs\n',
    );
    rig.write('project/config/more.env', "C='second  one'\r\n");
    rig.write(
      'project/tasks.mjs',
      'export const call = () => ({ seen: [process.env.B, process.env.C, process.env.D] });',
    );
    const { code, stderr } = await rig.flowctl('run', 'project/flow.yaml', '--state-dir', rig.path('.flowctl'));
    expect(code, stderr).toBe(0);
    const { id } = await onlyRun(rig);
    expect(rig.effects()).toEqual([
      `inherited first second  one flow step|first/second  one inherited x`,
      `y|${id}/shell/1;|shell`,
    ]);
    const detail = await shown(rig);
    expect(stepOf(detail, 'call').outputs).toEqual({ seen: ['first', 'second  one', 'flow'] });
  });

  it('are no settings of flowctl itself', async () => {
    const { rig } = here;
    rig.write('flow.yaml', `dotenv: .env\n${single(`run: 'echo "$FLOWCTL_DURABILITY" >> "$EFFECTS"'`)}`);
    rig.write('.env', 'FLOWCTL_DURABILITY=nonsense\nFLOWCTL_STATE_DIR=elsewhere\n');
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(rig.effects()).toEqual(['nonsense']);
    expect(existsSync(rig.path('elsewhere'))).toBe(false);
  });
});

it('a file with a byte order mark, line ends of Windows and no end of its last line is taken', async () => {
  const { rig } = here;
  rig.write('flow.yaml', `dotenv: .env\n${single(`run: 'echo "$B $C" >> "$EFFECTS"'`)}`);
  rig.write('.env', '\ufeffB=1\r\n\r\n# why\r\nC = two');
  const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
  expect(code, stderr).toBe(0);
  expect(rig.effects()).toEqual(['1 two']);
});

describe('a file that cannot be taken', () => {
  it.each<[string, string, (file: string) => void]>([
    ['is missing', 'no such file', () => {}],
    ['is a folder', 'directory', (file) => mkdirSync(file)],
    ['is no UTF-8', 'not UTF-8', (file) => writeFileSync(file, Buffer.from([0x41, 0x3d, 0xff]))],
    [
      'has a line that sets nothing',
      'some.env:5 is neither',
      (file) => writeFileSync(file, 'A="x\ny" # why\n\n # no\nSECRET\nB=2'),
    ],
    ['has a name of two words', 'some.env:1 is neither', (file) => writeFileSync(file, 'A B=1\n')],
    ['has no name', 'some.env:2 is neither', (file) => writeFileSync(file, "A='\n=1\n")],
    ['holds a NUL byte', 'NUL', (file) => writeFileSync(file, 'A=b\0c\n')],
  ])('%s: 2, named, nothing is started and no state is made', async (_, why, make) => {
    const { rig } = here;
    rig.write('flow.yaml', `dotenv: some.env\n${single(`run: ${EFFECT}`)}`);
    make(rig.path('some.env'));
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(rig.path('some.env'));
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('b\0c');
    expect(stderr).not.toContain('SECRET');
    expect([existsSync(rig.path('.flowctl')), rig.effects()]).toEqual([false, []]);
    // It is a matter of the run: what is written is valid.
    expect((await rig.flowctl('validate', 'flow.yaml')).code).toBe(0);
  });

  it('on resume: 2, nothing is started, and when it is back the run goes on with what it says now', async () => {
    const { rig } = here;
    rig.write('flow.yaml', `dotenv: .env\n${single(`run: 'echo "$WORD" >> "$EFFECTS"; [ "$WORD" = good ]'`)}`);
    rig.write('.env', 'WORD=bad\n');
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    rmSync(rig.path('.env'));
    const refused = await rig.flowctl('resume');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(rig.path('.env'));
    expect(await onlyRun(rig)).toMatchObject({ state: 'failed' });
    rig.write('.env', 'WORD=good\n');
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(rig.effects()).toEqual(['bad', 'good']);
  });

  it('does not keep a crashed run from being cancelled', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', `dotenv: .env\n${single(`run: ${Stage.step('a')}`)}`);
    rig.write('.env', 'WORD=one\n');
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('a');
    run.process.kill('SIGKILL');
    await run.ended;
    rmSync(rig.path('.env'));
    const cancelled = await rig.flowctl('cancel', 'last');
    expect(cancelled.code, cancelled.stderr).toBe(0);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled' });
  });
});
