/** Given a flowctl.config.yaml, when flows of its project are run or judged, then what it says holds for them. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from '../kit/rig.ts';

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly message: string;
  readonly help: string | null;
}

interface Definition {
  readonly definition: {
    readonly profile: string | null;
    readonly vars: object;
    readonly dotenv: readonly string[];
    readonly secrets: readonly { readonly name: string; readonly source: object }[];
    readonly steps: readonly { readonly env: object; readonly retry: object; readonly timeout_ms: number | null }[];
  };
}

const PRINT = 'steps:\n  print: { run: \'echo "$A $B $C"\' }\n';

describe('a project', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  const log = async (step = 'print'): Promise<string> => (await rig.flowctl('logs', step)).stdout;
  const frozen = (): Definition['definition'] => {
    const id = rig.runIds().at(-1) ?? '';
    return (JSON.parse(rig.read(`.flowctl/runs/${id}/flow.json`)) as Definition).definition;
  };

  it('lies beneath its flows: a flow says otherwise, and a profile above them', async () => {
    rig.write(
      'flowctl.config.yaml',
      [
        'env: { A: config, B: config, C: config }',
        'vars: { region: eu }',
        'defaults: { timeout: 10m, retry: 1 }',
        'profiles:',
        '  prod: { env: { C: profile }, defaults: { timeout: 1m }, vars: { region: us } }',
      ].join('\n'),
    );
    rig.write(
      'flows/f.yaml',
      `env: { B: "flow in \${{ vars.region }}", C: flow }\ndefaults: { timeout: 5m }\n${PRINT}`,
    );
    const plain = await rig.flowctl('run', 'flows/f.yaml');
    expect(plain.code, plain.stderr).toBe(0);
    expect(await log()).toBe('config flow in eu flow\n');
    expect(frozen().steps[0]).toMatchObject({ timeout_ms: 300_000, retry: { max: 1 } });
    expect(frozen().profile).toBeNull();
    const prod = await rig.flowctl('run', 'flows/f.yaml', '--profile', 'prod');
    expect(prod.code, prod.stderr).toBe(0);
    expect(await log()).toBe('config flow in us profile\n');
    expect(frozen().steps[0]).toMatchObject({ timeout_ms: 60_000 });
    expect(frozen()).toMatchObject({ profile: 'prod', vars: { region: 'us' } });
  });

  it('gives a resumed and a repeated run the profile that it had', async () => {
    rig.write('flowctl.config.yaml', 'profiles: { prod: { env: { A: profile } } }\n');
    rig.write('f.yaml', 'steps:\n  print: { run: \'echo "${A-none}"; test -e go\' }\n');
    expect((await rig.flowctl('run', 'f.yaml', '--profile', 'prod')).code).toBe(1);
    rig.write('go', '');
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).not.toContain('edited');
    expect(await log()).toBe('profile\n');
    expect((await rig.flowctl('rerun')).code).toBe(0);
    expect(await log()).toBe('profile\n');
  });

  it('has params in profiles, beneath those that are typed', async () => {
    rig.write('flowctl.config.yaml', 'profiles: { prod: { params: { who: profile, unused: 1 } } }\n');
    rig.write('f.yaml', 'params: { who: { type: string } }\nsteps:\n  print: { run: [echo, "${{ params.who }}"] }\n');
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(2);
    expect((await rig.flowctl('run', 'f.yaml', '--profile', 'prod')).code).toBe(0);
    expect(await log()).toBe('profile\n');
    expect((await rig.flowctl('run', 'f.yaml', '--profile', 'prod', '-p', 'who=typed')).code).toBe(0);
    expect(await log()).toBe('typed\n');
  });

  it('takes in other files beneath itself', async () => {
    rig.write('shared/common.yaml', 'env: { A: common, B: common }\ndotenv: common.env\n');
    rig.write('shared/common.env', 'C=dotenv\nA=never\n');
    rig.write('flowctl.config.yaml', 'include: shared/common.yaml\nenv: { B: own }\n');
    rig.write('f.yaml', PRINT);
    const run = await rig.flowctl('run', 'f.yaml');
    expect(run.code, run.stderr).toBe(0);
    expect(await log()).toBe('common own dotenv\n');
    rig.write('shared/common.yaml', 'envs: { A: common }\n');
    const found = JSON.parse((await rig.flowctl('validate', 'f.yaml', '--json')).stdout) as readonly Finding[];
    expect(found.map(({ file, line, code }) => [file, line, code])).toEqual([['shared/common.yaml', 1, 'unknown_key']]);
  });

  it('knows where secrets come from, and gives flows those they use', async () => {
    rig.write(
      'flowctl.config.yaml',
      [
        'secrets: { TOKEN: { file: token.txt }, OTHER: { env: NOWHERE } }',
        'profiles: { prod: { secrets: { TOKEN: { file: prod.txt } } } }',
      ].join('\n'),
    );
    rig.write('token.txt', 'a-long-test-secret\n');
    rig.write('prod.txt', 'another-long-secret\n');
    const source = (file: string) => ({ name: 'TOKEN', source: { kind: 'file', path: rig.path(file) } });
    const uses = 'steps:\n  print: { run: \'true\', env: { T: "${{ secrets.TOKEN }}" } }\n';
    for (const flow of [uses, `secrets: [TOKEN]\n${uses}`]) {
      rig.write('flows/f.yaml', flow);
      await rig.flowctl('run', 'flows/f.yaml');
      expect(frozen().secrets).toEqual([source('token.txt')]);
      await rig.flowctl('run', 'flows/f.yaml', '--profile', 'prod');
      expect(frozen().secrets).toEqual([source('prod.txt')]);
    }
    const wants = (value: string) => uses.replace("'true'", `'test "$T" = ${value}'`);
    rig.write('flows/f.yaml', wants('another-long-secret'));
    const prod = await rig.flowctl('run', 'flows/f.yaml', '--profile', 'prod');
    expect(prod.code, prod.stderr).toBe(0);
    expect((await rig.flowctl('run', 'flows/f.yaml')).code).toBe(1);
    rig.write('flows/f.yaml', `secrets: { TOKEN: { env: WANTED } }\n${uses}`);
    await rig.flowctlWith({ env: { WANTED: 'a-third-secret' } }, 'run', 'flows/f.yaml');
    expect(frozen().secrets).toEqual([{ name: 'TOKEN', source: { kind: 'env', variable: 'WANTED' } }]);
  });

  it('refuses resources that it does not have, and names its file', async () => {
    rig.write('flowctl.config.yaml', 'resources: { db: 4, gpu: [a, b], api: { per: 1m, max: 60 } }\n');
    rig.write('f.yaml', 'steps:\n  s: { run: echo, resources: { db: 5, memory: 1, gpu: 2, api: 60 } }\n');
    const run = await rig.flowctl('run', 'f.yaml');
    expect(run.code).toBe(3);
    expect(run.stderr).toContain('asks for 5 of `db`, and there are 4');
    expect(run.stderr).toContain('flowctl.config.yaml');
    expect(run.stderr).toContain('2 errors');
    expect(rig.runIds()).toEqual([]);
  });

  it('sets the grace and the durability of runs, beneath the environment', async () => {
    rig.write('flowctl.config.yaml', 'durability: process\ngrace: 7s\n');
    rig.write('f.yaml', PRINT);
    const settings = async (env: { readonly [name: string]: string }): Promise<unknown> => {
      const run = await rig.flowctlWith({ env }, 'run', 'f.yaml', '--output', 'json');
      return (JSON.parse(run.stdout.split('\n')[0] ?? '') as { readonly settings: unknown }).settings;
    };
    expect(await settings({})).toMatchObject({ durability: 'process', grace_ms: 7_000 });
    expect(await settings({ FLOWCTL_GRACE: '1s', FLOWCTL_DURABILITY: 'full' })).toMatchObject({
      durability: 'full',
      grace_ms: 1_000,
    });
  });

  it('that is invalid stops what runs or judges flows, each with its place, and no query', async () => {
    rig.write('f.yaml', PRINT);
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
    rig.write('flowctl.config.yaml', 'grace: soon\nenv: { A: "${{ params.x }}" }\n');
    for (const command of ['run', 'graph']) {
      const refused = await rig.flowctl(command, 'f.yaml');
      expect([command, refused.code]).toEqual([command, 3]);
      expect(refused.stderr).toContain('flowctl.config.yaml:1:8');
    }
    const judged = await rig.flowctl('validate', 'f.yaml', 'f.yaml', '--json');
    expect(judged.code).toBe(3);
    const found = JSON.parse(judged.stdout) as readonly Finding[];
    expect(found.map(({ code }) => code).sort()).toEqual(['invalid_duration', 'name_not_available']);
    expect((await rig.flowctl('validate', 'flowctl.config.yaml')).code).toBe(3);
    for (const query of ['runs', 'show', 'logs']) expect([query, (await rig.flowctl(query)).code]).toEqual([query, 0]);
    expect(rig.runIds()).toHaveLength(1);
    rig.write('flowctl.config.yaml', '# nothing yet\n');
    expect((await rig.flowctl('validate', 'flowctl.config.yaml')).stdout).toBe('flowctl.config.yaml: ok\n');
    expect((await rig.flowctl('run', 'f.yaml')).code).toBe(0);
  });

  it('does not wait for a pipe that it includes', async () => {
    rig.write('flowctl.config.yaml', 'include: pipe.yaml\n');
    expect((await rig.shell('mkfifo pipe.yaml').ended).code).toBe(0);
    const judged = await rig.flowctl('validate', 'flowctl.config.yaml');
    expect([judged.code, judged.stdout]).toEqual([3, expect.stringContaining('it is no regular file')]);
  });

  it('in TypeScript is refused with a sentence, and not loaded', async () => {
    rig.write('flowctl.config.ts', 'throw new Error("loaded");\n');
    rig.write('f.yaml', PRINT);
    const run = await rig.flowctl('run', 'f.yaml');
    expect(run.code).toBe(3);
    expect(run.stderr).toContain('write it in YAML: flowctl.config.yaml');
  });

  it('names its profiles where one is not known', async () => {
    rig.write('f.yaml', PRINT);
    const none = await rig.flowctl('run', 'f.yaml', '--profile', 'prod');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('has no flowctl.config.yaml')]);
    rig.write('flowctl.config.yaml', 'profiles: { production: {}, staging: {} }\n');
    const near = await rig.flowctl('run', 'f.yaml', '--profile', 'prodction');
    expect([near.code, near.stderr]).toEqual([2, expect.stringContaining('did you mean `production`?')]);
    const list = await rig.flowctl('validate', 'f.yaml', '--profile', 'x');
    expect([list.code, list.stderr]).toEqual([2, expect.stringContaining('`production` and `staging`')]);
  });

  it('is that of the nearest folder with a config or a state directory', async () => {
    rig.write('flowctl.config.yaml', 'env: { A: outer }\n');
    rig.write('inner/.flowctl/x', '');
    rig.write('inner/f.yaml', 'steps:\n  print: { run: \'test "${A-none}" = none\' }\n');
    const run = await rig.flowctl('run', 'inner/f.yaml');
    expect(run.code, run.stderr).toBe(0);
  });
});
