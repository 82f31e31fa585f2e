/** The pages about artifacts, schedules, triggers, waits and notifications: what they show runs as they say. */

import { chmodSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { EVENT_MEMBERS } from '../../src/model/trigger.ts';
import { NOTIFY_CHANNELS } from '../../src/load/check-handlers.ts';
import { serve, withStatus } from '../kit/http.ts';
import { eventually, Rig } from '../kit/rig.ts';

const page = (name: string): string => readFileSync(resolve(import.meta.dirname, `../../docs/${name}.md`), 'utf8');

const schema = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../schemas/flow.schema.json'), 'utf8'));

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

/** Writes the flow of a page; its first line is its name. */
function flowOf(text: string): string {
  const [, name = '', flow = ''] = /```yaml\n# (\S+)\n([\s\S]*?)```/.exec(text) ?? [];
  rig.write(name, flow);
  return name;
}

describe('docs/artifacts.md', () => {
  it('shows a flow that publishes what it says', async () => {
    const flow = flowOf(page('artifacts'));
    chmodSync(rig.write('bin/flowctl', '#!/bin/sh\nexec "$NODE" "$BIN" "$@"\n'), 0o755);
    rig.give({ PATH: `${rig.path('bin')}:${process.env['PATH']}` });
    const run = await rig.flowctl('run', flow);
    expect(run.code, run.stderr).toBe(0);
    const { artifacts, warnings } = await rig.query<RunDetail>('show');
    expect(artifacts.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'markdown markdown',
      'table late',
      'link Dashboard',
      'file notes.txt',
      'file raw.json',
      'file reports/index.html',
    ]);
    expect(warnings).toEqual([]);
  });

  it('names every kind', async () => {
    const help = (await rig.flowctl('artifact', '--help')).stdout;
    for (const kind of ['file', 'image', 'markdown', 'table', 'link']) {
      expect(help).toContain(kind);
      expect(page('artifacts')).toContain(`\`${kind}\``);
    }
  });
});

describe('docs/schedules.md', () => {
  it('shows what its commands print', async () => {
    flowOf(page('schedules'));
    const sessions = [...page('schedules').matchAll(/```console\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    expect(sessions).toHaveLength(3);
    for (const block of sessions
      .join('')
      .split(/^\$ flowctl /m)
      .slice(1)) {
      const [command = '', ...printed] = block.trimEnd().split('\n');
      const shown = await rig.flowctl(...command.split(' '));
      expect(shown.code, shown.stderr).toBe(0);
      const distance = /in \d+d\d+h$|\d+d\d+h ago$/gm;
      expect(shown.stdout.trimEnd().replaceAll(distance, '')).toBe(printed.join('\n').replaceAll(distance, ''));
    }
  });

  it('names every key of a schedule', () => {
    const keys = Object.keys(schema.definitions.schedule.properties);
    expect(keys.filter((key) => !page('schedules').includes(`\`${key}\``))).toEqual([]);
  });
});

describe('docs/triggers.md', () => {
  const blocks = (language: string): readonly string[] =>
    [...page('triggers').matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
      ([, text = '']) => text,
    );

  it('shows flows that can be deployed, and what its commands print', async () => {
    const flows = [...blocks('yaml'), ...blocks('ts')];
    expect(flows).toHaveLength(5);
    for (const text of flows) {
      const name = /^(?:#|\/\/) (\S+)\n/.exec(text)?.[1] ?? '';
      rig.write(name, text);
      const { code, stderr } = await rig.flowctl('deploy', name, '--name', `x-${name.replace('.', '-')}`);
      expect([name, code], stderr).toEqual([name, 0]);
    }
    const [, deployed = '', shown = ''] =
      /^\$ flowctl deploy \S+\n([^$]*)\$ flowctl deployments import\n([^$]*)$/.exec(blocks('console')[0] ?? '') ?? [];
    expect((await rig.flowctl('deploy', 'import.yaml')).stdout).toBe(deployed);
    const { stdout } = await rig.flowctl('deployments', 'import');
    expect(stdout.replace(rig.path('import.yaml'), 'import.yaml').startsWith(shown), stdout).toBe(true);
  });

  it('names every key of a trigger, and everything that an event has', () => {
    const keys = Object.keys(schema.definitions.trigger.properties);
    const members = Object.values(EVENT_MEMBERS).flat();
    expect(keys.filter((key) => !page('triggers').includes(`\`${key}\``))).toEqual([]);
    expect(members.filter((member) => !new RegExp(`[.\`]${member}\\b`).test(page('triggers')))).toEqual([]);
  });

  it('shows a request by hand that is signed as it has to be', { timeout: 60_000 }, async () => {
    rig.write('orders.yaml', blocks('yaml').find((text) => text.startsWith('# orders.yaml')) ?? '');
    rig.give({ ORDERS_SECRET: 'a secret of both' });
    await rig.flowctl('deploy', 'orders.yaml');
    const serving = rig.start(['serve', '--listen', '0']);
    await serving.prints(/listening on http:\S+\n/);
    const [, url = ''] = /listening on (\S+)/.exec(serving.stdout()) ?? [];
    const command = (blocks('sh')[0] ?? '').replace('http://127.0.0.1:7717', url);
    const sent = await rig.shell(command).ended;
    expect(sent.stdout, sent.stderr).toMatch(/^\{"run":"0\w+"\}\n$/);
    await serving.prints(/orders: run 0\w+ for webhook new msg_1/);
    serving.process.kill('SIGTERM');
    await serving.ended;
    await eventually('it ran', 20_000, async () => (await rig.flowctl('logs', 'take')).stdout === 'order 4711\n');
  });
});

describe('docs/vars.md', () => {
  it('shows what its commands print', async () => {
    flowOf(page('vars'));
    chmodSync(rig.write('bin/flowctl', '#!/bin/sh\nexec "$NODE" "$BIN" "$@"\n'), 0o755);
    rig.give({ PATH: `${rig.path('bin')}:${process.env['PATH']}` });
    const [, session = ''] = /```console\n([\s\S]*?)```/.exec(page('vars')) ?? [];
    const blocks = session.split(/^\$ flowctl /m).slice(1);
    expect(blocks.length).toBeGreaterThan(6);
    for (const block of blocks) {
      const [command = '', ...printed] = block.trimEnd().split('\n');
      const shown = await rig.flowctl(...command.split(' '));
      expect([shown.code, shown.stdout.trimEnd()], command).toEqual([0, printed.join('\n')]);
    }
  });
});

describe('docs/waiting.md', () => {
  it('shows a flow that waits as it says', async () => {
    const flow = flowOf(page('waiting'));
    const run = rig.start(['run', flow, '--output', 'plain']);
    await run.prints(/pause waits until 20\S+Z\n[\s\S]*pause succeeded\n/);
    rig.write('inbox/a', '');
    rig.write('inbox/ready', '');
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(0);
    expect((await rig.flowctl('logs', 'load')).stdout).toBe('loading 2 files\n');
  });
});

describe('docs/notifications.md', () => {
  it('shows a flow that tells what it says, and the body as it is', async () => {
    const server = await serve(withStatus(200));
    const flow = flowOf(page('notifications'));
    const run = await rig.flowctlWith({ env: { HOOK_URL: server.url } }, 'run', flow);
    await server.close();
    expect(run.code).toBe(1);
    const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(page('notifications')) ?? [];
    const { run: id, ...body } = JSON.parse(shown) as { readonly run: string };
    const [webhook, slack, ...more] = server.asked.map((asked) => JSON.parse(asked.body) as object);
    expect(id).toMatch(/^01k/);
    expect(webhook).toMatchObject({ ...body, run: rig.runIds()[0] });
    expect(Object.keys(webhook ?? {})).toEqual(['run', ...Object.keys(body)]);
    expect(slack).toMatchObject({ text: expect.stringContaining('watched') });
    expect(more).toEqual([]);
  });

  it('lists every channel', () => {
    const listed = [...page('notifications').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual(NOTIFY_CHANNELS);
  });
});
