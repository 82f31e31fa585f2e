import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secretMark } from '../../src/base/secret-mark.ts';
import type { AttemptRequest } from '../../src/engine/ports.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { SecretDefinition } from '../../src/model/policies.ts';
import { failedToStart, type RunnerContext } from '../../src/runners/runner.ts';
import { withSecrets } from '../../src/runners/with-secrets.ts';
import { RunSecrets } from '../../src/secrets/run-secrets.ts';
import { SecretValue } from '../../src/secrets/secret-value.ts';
import { createRig, type Rig, stepKey } from '../executors/rig.ts';
import { processesWith } from '../process/processes.ts';

const TOKEN = "tr0ub4dor&3 'quoted' $HOME";
const KEY =
  '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----\n';
const PIN = 'p1n7';

const secret = (name: string, value: string, source: SecretDefinition['source']) => ({
  file: '/flow.yaml',
  definition: { name, source },
  value: new SecretValue(value),
});

let rig: Rig;
beforeEach(() => {
  const secrets = new RunSecrets([
    secret('TOKEN', TOKEN, { kind: 'env', variable: 'SOME_TOKEN' }),
    secret('KEY', KEY, { kind: 'file', path: '/run/key' }),
    secret('PIN', PIN, { kind: 'env', variable: 'PIN' }),
  ]);
  rig = createRig({
    inherited: { PATH: process.env['PATH'] ?? '', SOME_TOKEN: TOKEN, KEY, PIN, PLAIN: 'plain' },
    wrap: (runner) => withSecrets(runner, secrets.of('/flow.yaml')),
  });
});
afterEach(async () => {
  // Nothing that is left holds a value.
  const files = readdirSync(rig.folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    path.join(rig.folder, name),
  );
  for (const file of files.filter((each) => statSync(each).isFile()))
    expect(readFileSync(file, 'latin1')).not.toContain('tr0ub4dor');
  await rig.close();
  expect(processesWith(rig.run)).toEqual([]);
});

const marked: Partial<AttemptRequest> = { env: { T: `<${secretMark('TOKEN')}>` }, secrets: ['TOKEN'] };
const log = (attempt = 1): string => rig.log('a', attempt).toString();
const failure = (outcome: Outcome) => (outcome.kind === 'failed' ? outcome.failure : null);

describe('a command is given', () => {
  test('values where its variables and its input have marks', async () => {
    const text = 'printf %s "$T" | wc -c; wc -c';
    await rig.sh(text, { ...marked, stdin: `${secretMark('KEY')}!` });
    expect(log().match(/\d+/g)).toEqual([String(TOKEN.length + 2), String(KEY.length + 1)]);
  });

  test('those it lists as variables of their names; `env` of the step lies above', async () => {
    const named = { secrets: ['TOKEN', 'PIN'], secret_variables: ['TOKEN', 'PIN'] };
    await rig.sh('echo ${#TOKEN} ${#PIN}', named);
    expect(log()).toBe(`${TOKEN.length} 4\n`);
    await rig.sh('echo $PIN', { ...named, env: { PIN: 'another' }, attempt: 2 });
    expect(log(2)).toBe('another\n');
  });

  test('no variable of a secret that it does not name', async () => {
    const text = 'env | cut -d= -f1 | grep -xE "TOKEN|SOME_TOKEN|KEY|PIN|PLAIN" | sort | tr "\\n" " "';
    await rig.sh(text);
    expect(log()).toBe('PLAIN ');
    await rig.sh(text, { secrets: ['TOKEN'], attempt: 2 });
    expect(log(2)).toBe('PLAIN SOME_TOKEN ');
  });

  test('nothing where a mark stands in its own words, or names no secret', async () => {
    const words = await rig.argv(['touch', path.join(rig.folder, 'made'), secretMark('TOKEN')]);
    expect(failure(words)).toMatchObject({ code: 'secret', message: expect.stringContaining('`TOKEN`') });
    expect(existsSync(path.join(rig.folder, 'made'))).toBe(false);
    expect(failure(await rig.sh('true', { secrets: ['NOBODY'] }))).toMatchObject({ code: 'secret' });
  });
});

describe('its log hides them', () => {
  test('in both streams, in order, whatever way they are printed', async () => {
    const text = `echo "plain $T"; echo "error $T" >&2
      printf %s "$T" | base64 -w0; echo; printf %s "$T" | od -An -v -tx1 | tr -d ' \\n'; echo
      printf tr0ub; sleep 0.05; printf "4dor&3 'quoted' "; printf '$HOME'; echo; echo end`;
    await rig.sh(text, { env: { T: secretMark('TOKEN') }, secrets: ['TOKEN'] });
    expect(log()).toBe('plain ***\nerror ***\n***\n***\n***\nend\n');
  });

  test('line by line, and broken into lines by base64', async () => {
    await rig.sh('echo "$K"; echo; echo "$K" | sed -n 2p; printf %s "$K" | base64 -w 40', {
      env: { K: secretMark('KEY') },
    });
    expect(log()).toMatch(/^\*\*\*\n\n\*\*\*\n\*\*\*.{0,3}\n?$/);
  });

  test('where stdout is read for outputs, in both streams', async () => {
    const end = await rig.sh('echo "$T" >&2; echo "{\\"n\\": 1}"; echo "$T" >&2', { ...marked, output: 'json' });
    expect(end).toMatchObject({ kind: 'succeeded', outputs: { kind: 'inline', value: { n: 1 } } });
    expect(log().split('\n').sort()).toEqual(['', '<***>', '<***>', '{"n": 1}']);
  });

  test('also those of other steps, once it has one of its own', async () => {
    await rig.sh(`echo ${PIN}`, marked);
    expect(log()).toBe('***\n');
  });

  test('byte for byte, however much it is', async () => {
    await rig.sh('head -c 3000000 /dev/zero; printf %s "$T"; head -c 3000000 /dev/zero', marked);
    expect(rig.log().equals(Buffer.concat([Buffer.alloc(3e6), Buffer.from('<***>'), Buffer.alloc(3e6)]))).toBe(true);
  });

  test('with `sh -x`, and when the command fails', async () => {
    const end = await rig.sh('set -x; : "$T"; cat "/$T"', marked);
    expect(end).toMatchObject({ kind: 'failed', exit_code: 1 });
    expect(log()).not.toContain('quoted');
    expect(log().match(/\*\*\*/g)?.length).toBeGreaterThan(2);
  });
});

describe('its outputs hold none', () => {
  test.each<[string, string, Partial<AttemptRequest>]>([
    ['as it is', 'echo "url=https://u:$T@host" >> "$FLOWCTL_OUTPUT"', {}],
    ['encoded', 'echo "url=$(printf %s "$T" | base64 -w0)" >> "$FLOWCTL_OUTPUT"', {}],
    ['on stdout', 'echo "$T"', { output: 'text' }],
    ['in a list of lines', 'echo 1; echo "$T"', { output: 'lines' }],
    ['deep in JSON', `printf '{"a": [{"url": "%s"}]}' "$T"`, { output: 'json' }],
    ['in a name', `printf '{"%s": 1}' "$T"`, { output: 'json' }],
  ])('%s: the attempt fails, and says which', async (_, text, changes) => {
    const end = await rig.sh(text, { env: { T: secretMark('TOKEN') }, ...changes });
    expect(failure(end)).toMatchObject({ code: 'secret_in_outputs', message: expect.stringContaining('`TOKEN`') });
    expect(JSON.stringify(end)).not.toContain('tr0ub4dor');
  });

  test('but one of fewer than 8 characters may be a coincidence', async () => {
    expect(await rig.sh(`echo "a=${PIN}" >> "$FLOWCTL_OUTPUT"`)).toMatchObject({ kind: 'succeeded' });
  });

  test('also of a step that names none', async () => {
    const end = await rig.sh(`echo "a=MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" >> "$FLOWCTL_OUTPUT"`);
    expect(failure(end)?.code).toBe('secret_in_outputs');
  });
});

test('requests are revealed by who sends them, and messages never hold one', async () => {
  const seen: AttemptRequest[] = [];
  const secrets = new RunSecrets([secret('TOKEN', TOKEN, { kind: 'env', variable: 'TOKEN' })]).of('/flow.yaml');
  const watching = withSecrets(
    {
      start: (request, context) => {
        seen.push(request);
        context.listener.warned('log_truncated', `about ${TOKEN}`);
        return { ended: Promise.resolve(failedToStart('notify', TOKEN, TOKEN)), stop: () => {}, kill: () => {} };
      },
    },
    secrets,
  );
  const mark = secretMark('TOKEN');
  const options = { url: `https://${mark}`, title: `a ${mark}` };
  const warned: string[] = [];
  const request = rig.request({ kind: 'notify', channel: 'slack', options, text: `b ${mark} c ${TOKEN}` });
  const context = { listener: { warned: (_: string, message: string) => warned.push(message) } };
  const work = watching.start(request, context as unknown as RunnerContext);
  expect(seen[0]?.work).toMatchObject({ options: { url: `https://${mark}`, title: 'a ***' }, text: 'b *** c ***' });
  expect(secrets.reveal(`https://${mark}`)).toBe(`https://${TOKEN}`);
  expect(await work.ended).toMatchObject({ failure: { message: '***', detail: '***' } });
  expect(warned).toEqual(['about ***']);
});

test('what is said of a failure hides them', async () => {
  const end = await rig.argv([`./${PIN}`], { step: stepKey('a') });
  expect(failure(end)).toMatchObject({ code: 'command_not_found', message: expect.stringContaining('***') });
  expect(JSON.stringify(end)).not.toContain(PIN);
});
