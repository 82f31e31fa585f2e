/** Sub-flows that modules make, under `flow` of YAML and of declarative flows: checked by parsing, loaded by the step, resumed as any other. */

import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';
import { eventually } from '../kit/rig.ts';

const at = useCase();

const MODULE = `
import { appendFileSync, existsSync } from 'node:fs';
import { flow, task } from 'flowctl';
const note = (text: string) => appendFileSync('effects', text + '\\n');
note('loaded');
const double = task('double', async (n: number) => { note('double ' + n); return n * 2; });
const patient = task('patient', async () => {
  note('patient');
  if (existsSync('hold')) await new Promise((done) => setTimeout(done, 60_000));
  if (!existsSync('mended')) throw new Error('not yet');
  return 'well';
});
export const sums = flow('sums', { params: { n: { type: 'integer' } } }, async ({ n }) => {
  const twice = await double(n);
  return { twice, state: await patient() };
});
export default flow({
  name: 'graph',
  params: { word: 'none' },
  steps: {
    say: { run: 'echo said="$WORD" >> "$FLOWCTL_OUTPUT"', env: { WORD: '\${{ params.word }}' } },
    shout: { needs: 'say', with: { text: '\${{ steps.say.outputs.said }}' }, call: ({ text }: { text: string }) => { note('shout'); return text.toUpperCase(); } },
  },
  outputs: { loud: '\${{ steps.shout.outputs }}' },
});
`;

const PARENT = `steps:
  code: { flow: ./parts/flows.ts#sums, with: { n: 4 } }
  data: { flow: ./parts/flows.ts, with: { word: hey } }
  after: { needs: [code, data], run: 'echo "\${{ steps.code.outputs.twice }} \${{ steps.data.outputs.loud }}" >> "$EFFECTS"' }
`;

const effects = (): readonly string[] => at.rig.effects().filter((line) => line !== 'loaded');

function given(parent = PARENT): void {
  at.rig.write('parts/flows.ts', MODULE);
  at.rig.write('parent.yaml', parent);
}

describe('a sub-flow that a module makes', () => {
  it('is a run of its own, with its steps in show, graph and logs, and gives its outputs', async () => {
    given();
    at.rig.write('mended', '');
    const ended = await at.rig.flowctl('run', 'parent.yaml');
    expect(ended, ended.stdout).toMatchObject({ code: 0 });
    expect(effects()).toContain('8 HEY');
    const run = await shown(at.rig);
    expect(run.steps.map(({ key, state }) => `${key} ${state}`)).toEqual([
      'code succeeded',
      'code/double succeeded',
      'code/patient succeeded',
      'data succeeded',
      'data/say succeeded',
      'data/shout succeeded',
      'after succeeded',
    ]);
    const drawn = await at.rig.flowctl('graph', 'last', '--format', 'json');
    const graph = JSON.parse(drawn.stdout) as { nodes: readonly object[] };
    expect(graph.nodes).toEqual(
      expect.arrayContaining([
        { id: 'code/double', kind: 'function', parent: 'code', state: 'succeeded' },
        { id: 'data/say', kind: 'command', parent: 'data', state: 'succeeded' },
      ]),
    );
    expect((await at.rig.flowctl('logs', 'last', 'code/double')).code).toBe(0);
  });

  it('goes on with the run that it had, after a failure and after kill -9', async () => {
    given();
    expect(await at.rig.flowctl('run', 'parent.yaml')).toMatchObject({ code: 1 });
    at.rig.write('hold', '');
    at.mayLeaveStrays();
    const resumed = at.rig.start(['resume']);
    await eventually('the task runs again', 20_000, () => effects().filter((line) => line === 'patient').length === 2);
    resumed.process.kill('SIGKILL');
    await resumed.ended;
    rmSync(at.rig.path('hold'));
    at.rig.write('mended', '');
    const ended = await at.rig.flowctl('resume');
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
    expect(effects().filter((line) => line === 'double 4')).toEqual(['double 4']);
    expect(effects().filter((line) => line === 'shout')).toEqual(['shout']);
    expect(stepOf(await shown(at.rig), 'code/patient').attempts).toHaveLength(3);
  });

  it('is refused, with both calls named, where its calls are others than those on record', async () => {
    given();
    await at.rig.flowctl('run', 'parent.yaml');
    at.rig.write('parts/flows.ts', MODULE.replace('await double(n)', 'await double(n + 1)'));
    const ended = await at.rig.flowctl('resume');
    expect(ended).toMatchObject({ code: 4 });
    expect(ended.stdout).toContain('`double`, which succeeded, is called with other arguments now');
    at.rig.write('parts/flows.ts', MODULE);
    at.rig.write('mended', '');
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
  });

  it('is asked about where steps that it had done were edited', async () => {
    given();
    await at.rig.flowctl('run', 'parent.yaml');
    at.rig.write('mended', '');
    at.rig.write('parts/flows.ts', MODULE.replace('echo said=', 'echo said=very-'));
    const refused = await at.rig.flowctl('resume');
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toContain('were edited since: data/say');
    const taken = await at.rig.flowctl('resume', '--accept-changes');
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    expect(effects()).toContain('8 VERY-HEY');
  });

  it('runs no code before its step begins', async () => {
    given();
    expect(await at.rig.flowctl('validate', 'parent.yaml')).toMatchObject({ code: 0 });
    expect(await at.rig.flowctl('graph', 'parent.yaml')).toMatchObject({ code: 0 });
    expect(at.rig.effects()).toEqual([]);
  });

  it('is looked for by parsing', async () => {
    given(`steps:
  file: { flow: ./parts/gone.ts }
  export: { flow: ./parts/flows.ts#sum }
  number: { flow: ./parts/more.ts#five }
  none: { flow: ./parts/more.ts }
  named: { flow: ./parts/flows.ts#graph }
`);
    at.rig.write('parts/more.ts', 'export const five = 5;\nexport const other = () => 5;\n');
    const { code, stdout } = await at.rig.flowctl('validate', 'parent.yaml', '--json');
    expect(code).toBe(3);
    const problems = JSON.parse(stdout) as readonly { line: number; code: string }[];
    expect(problems.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '2 flow_not_found',
      '3 export_not_found',
      '4 not_a_function',
      '5 export_not_found',
    ]);
  });

  it.each([
    ['with: { n: four }', 'param `n` does not fit'],
    ['', '`with` of `only`, which runs the flow sums of flows.ts: param `n` is missing'],
    ['with: { n: 1, m: 2 }', 'the flow has no param `m`'],
  ])('fails its step where the params do not fit: %s', async (input, message) => {
    given(`steps:\n  only: { flow: ./parts/flows.ts#sums${input === '' ? '' : `, ${input}`} }\n`);
    const ended = await at.rig.flowctl('run', 'parent.yaml');
    expect(ended).toMatchObject({ code: 1 });
    expect((await at.rig.flowctl('show')).stdout).toContain(message);
    expect(effects()).toEqual([]);
  });

  it('fails its step where code cannot be loaded, is no flow, or uses a secret that nobody read', async () => {
    given(
      'steps:\n  load: { flow: ./bad.ts }\n  none: { flow: ./parts/more.ts#other }\n  secret: { flow: ./secret.ts }\n',
    );
    at.rig.write(
      'bad.ts',
      "import { flow } from 'flowctl';\nthrow new RangeError('at load');\nexport default flow('bad', async () => 1);\n",
    );
    at.rig.write('parts/more.ts', 'export const other = () => 5;\n');
    at.rig.write(
      'secret.ts',
      "import { flow } from 'flowctl';\nexport default flow('s', { secrets: ['TOKEN'] }, async () => 1);\n",
    );
    expect(await at.rig.flowctl('run', 'parent.yaml')).toMatchObject({ code: 1 });
    const run = await shown(at.rig);
    const errorOf = (key: string) => stepOf(run, key).attempts.at(-1)?.error?.message;
    expect(errorOf('load')).toMatch(/bad\.ts:1:1: this module cannot be loaded: RangeError: at load$/);
    expect(errorOf('none')).toContain('the export `other` is no flow');
    expect(errorOf('secret')).toContain('name it under `secrets` of parent, too');
  });

  it('stands under `flow` of a declarative flow as an object or by its path', async () => {
    given();
    at.rig.write('mended', '');
    at.rig.write(
      'main.ts',
      `import { flow } from 'flowctl';
import { sums } from './parts/flows.ts';
const small = flow({ name: 'small', params: { k: 1 }, steps: { z: { run: 'echo z=\${{ params.k }} >> $FLOWCTL_OUTPUT' } }, outputs: { z: '\${{ steps.z.outputs.z }}' } });
export default flow({
  name: 'main',
  steps: {
    one: { flow: sums, with: { n: 5 } },
    two: { flow: small, foreach: [1, 2], with: { k: '\${{ item }}' } },
    three: { flow: './parts/flows.ts', with: { word: 'path' } },
  },
  outputs: { one: '\${{ steps.one.outputs.twice }}', two: '\${{ steps.two.outputs }}', three: '\${{ steps.three.outputs.loud }}' },
});
`,
    );
    const ended = await at.rig.flowctl('run', 'main.ts');
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
    expect((await shown(at.rig)).outputs).toEqual({ one: 10, two: [{ z: '1' }, { z: '2' }], three: 'PATH' });
  });

  it('is left waiting with its tree, and goes on when it is answered', async () => {
    at.rig.write(
      'asks.ts',
      "import { context, flow } from 'flowctl';\nexport default flow('asks', async () => (await context().approval({ message: 'which?', params: { n: 1 } })).n);\n",
    );
    at.rig.write('parent.yaml', 'steps:\n  ask: { flow: ./asks.ts }\noutputs: { n: "${{ steps.ask.outputs }}" }\n');
    expect(await at.rig.flowctl('run', 'parent.yaml', '--no-wait')).toMatchObject({ code: 6 });
    expect(await at.rig.flowctl('approve', 'last', 'ask/approval', '-p', 'n=7')).toMatchObject({ code: 0 });
    expect(await shown(at.rig)).toMatchObject({ state: 'succeeded', outputs: { n: 7 } });
  });

  it('has the secrets that its parent names as well', async () => {
    at.rig.give({ TOKEN: 'quite-a-secret' });
    at.rig.write(
      'uses.ts',
      "import { context, flow, task } from 'flowctl';\nconst reveal = task('reveal', { secrets: ['TOKEN'] }, async () => { console.log(context().secrets.TOKEN); return String(context().secrets.TOKEN).length; });\nexport default flow('uses', { secrets: ['TOKEN'] }, async () => reveal());\n",
    );
    at.rig.write(
      'parent.yaml',
      'secrets: [TOKEN]\nsteps:\n  use: { flow: ./uses.ts }\noutputs: { n: "${{ steps.use.outputs }}" }\n',
    );
    const ended = await at.rig.flowctl('run', 'parent.yaml');
    expect(ended, ended.stdout).toMatchObject({ code: 0 });
    expect(await shown(at.rig)).toMatchObject({ outputs: { n: 14 } });
    expect((await at.rig.flowctl('logs', 'last', 'use/reveal')).stdout).toBe('***\n');
  });

  it('is drawn as what it is beneath a flow function', async () => {
    at.rig.write(
      'main.ts',
      `import { flow } from 'flowctl';
const small = flow({ name: 'small', steps: { s: { run: 'true' }, w: { needs: 's', wait: '1ms' } } });
export default flow('main', async () => { await small(); });
`,
    );
    expect(await at.rig.flowctl('run', 'main.ts')).toMatchObject({ code: 0 });
    const { stdout } = await at.rig.flowctl('graph', 'last', '--format', 'json');
    const { nodes, edges } = JSON.parse(stdout) as {
      nodes: readonly { id: string; kind: string }[];
      edges: readonly object[];
    };
    expect(nodes.map(({ id, kind }) => `${id} ${kind}`)).toEqual(['small flow', 'small/s command', 'small/w wait']);
    expect(edges).toEqual([{ from: 'small/s', to: 'small/w', kind: 'needs' }]);
  });
});
