import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AttemptLog } from '../../src/functions/capture.ts';
import { Mask } from '../../src/secrets/mask.ts';
import { FunctionRig, PRINTS_PAST } from './kit.ts';

let rig: FunctionRig;
beforeAll(async () => {
  rig = await new FunctionRig().prepare();
});
afterAll(() => rig.close());

const secrets = { values: { TOKEN: 'tr0ub4dor&3' }, hidden: ['tr0ub4dor&3', 'correct horse'] };
const module = (name: string, text: string): string => rig.write(`${name}.mjs`, text);

describe('a function with secrets', () => {
  test('has those that its step names, by name, and none where it names none', async () => {
    const file = module(
      'reads',
      `export default (_, { secrets }) => [secrets.TOKEN.length, Object.keys(secrets), 'X' in secrets];`,
    );
    const { result } = await rig.run({ module: file, secrets });
    expect(result).toMatchObject({ value: [11, ['TOKEN'], false] });
    const none = module('none', 'export default (_, { secrets }) => Object.keys(secrets);');
    expect((await rig.run({ module: none })).result).toMatchObject({ value: [] });
  });

  test('cannot show them as a whole by accident', async () => {
    const file = module(
      'shows',
      `import { inspect } from 'node:util';
      export default (_, context) => [JSON.stringify({ context }), inspect(context, { depth: 9, showHidden: true })];`,
    );
    const { result } = await rig.run({ module: file, secrets });
    expect(result.kind).toBe('returned');
    expect(JSON.stringify(result)).toContain('***');
    expect(JSON.stringify(result)).not.toContain('tr0ub4dor');
  });

  test('hides them in what is printed past `process.stdout`, and by commands that inherit it', async () => {
    const file = module('past', PRINTS_PAST);
    const { result, log } = await rig.run({ module: file, secrets, env: { PATH: process.env['PATH'] ?? '' } });
    expect(result).toMatchObject({ kind: 'returned', value: true });
    expect(log).toBe([1, 2, 3, 4, 5, 6, 7, 8, 10].map((n) => `*** ${n}\n`).join(''));
  });

  test('prints stars, in pieces, in other encodings, those of other steps too, and loses no last word', async () => {
    const file = module(
      'prints',
      `export default async (_, { secrets: { TOKEN } }) => {
        console.log('plain', TOKEN); console.error(Buffer.from(TOKEN).toString('base64'));
        for (const character of TOKEN) process.stdout.write(character);
        await null;
        process.stdout.write(' correct horse, tr0ub');
      };`,
    );
    const { log } = await rig.run({ module: file, secrets });
    expect(log).toBe('plain ***\n***\n*** ***, tr0ub');
  });

  test('loses none by `process.exit()` either', async () => {
    const file = module('exits', `export default () => { process.stdout.write('bye tr0'); process.exit(3); };`);
    expect(await rig.run({ module: file, secrets })).toMatchObject({ result: { code: 3 }, log: 'bye tr0' });
  });

  test('prints stars also when it prints after its end', () => {
    const file = rig.logFile('late');
    const log = new AttemptLog(file, new Mask(secrets.hidden));
    log.write(Buffer.from('early tr0ub4dor&3, tr0'));
    log.close();
    log.write(Buffer.from(' late tr0ub4dor&3, tr0'));
    expect(rig.read(file)).toBe('early ***, tr0 late ***, tr0');
  });
});
