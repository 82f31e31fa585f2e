import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, inspect } from 'node:util';
import { expect, it } from 'vitest';
import { SecretValue } from '../../src/secrets/secret-value.ts';
import { Rig } from '../kit/rig.ts';

it('gives its value to who asks for it, and stars to everybody else', () => {
  const secret = new SecretValue('tr0ub4dor');
  expect(secret.reveal()).toBe('tr0ub4dor');
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
  ].join();
  expect(shown).toContain('***');
  expect(shown).not.toContain('tr0ub4dor');
});

it('the page about secrets shows flows that are valid', async () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/secrets.md'), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
  expect(blocks.length).toBeGreaterThan(0);
  const rig = new Rig();
  rig.write('load.sh', '');
  for (const block of blocks) {
    rig.write('flow.yaml', block);
    const { code, stderr } = await rig.flowctl('validate', 'flow.yaml');
    expect(code, stderr).toBe(0);
  }
  rig.remove();
});
