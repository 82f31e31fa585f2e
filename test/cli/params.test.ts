import { join } from 'node:path';
import { expect, it } from 'vitest';
import { paramsFor } from '../../src/cli/params.ts';
import { openSession, type Session } from '../../src/cli/session.ts';
import { loaded } from '../load/flow-file.ts';

/** What is said of params, and the exit code. */
async function said(flow: string, param: readonly string[]) {
  const messages: string[] = [];
  let code: number | null = null;
  const session: Session = {
    ...openSession({}),
    complain: (message) => messages.push(message),
    exit: (given) => {
      code = given;
    },
  };
  const { definition } = await loaded(flow);
  const params = await paramsFor(session, definition, { param }, { id: 'x', dir: join('/', 'x') });
  return { messages, code, params };
}

const FLOW = 'params: { n: 1, s: { type: string }, t: { type: string } }\nsteps: { a: { run: echo } }\n';

it('tells all that is wrong with params at once, of each one thing', async () => {
  const { messages, code, params } = await said(FLOW, ['s', '=x', 'n=many', 'm=1']);
  expect(messages).toEqual([
    '`-p s`: expected name=value',
    '`-p =x`: expected name=value',
    'the flow has no param `m`',
    'param `n` has to be of type integer, not `many`',
    'param `t` is missing',
  ]);
  expect([code, params]).toEqual([2, null]);
});

it.each([
  ['{ type: integer, minimum: 1 }', '0', 'it has to be at least 1'],
  ['{ type: number, exclusiveMaximum: 2 }', '2', 'it has to be less than 2'],
  ['{ type: integer, multipleOf: 5 }', '7', 'it has to be a multiple of 5'],
  ['{ type: string, minLength: 1 }', '', 'it has to have at least 1 character'],
  ['{ type: string, maxLength: 2 }', 'abc', 'it has to have at most 2 characters'],
  ['{ type: array, maxItems: 1 }', '[1, 2]', 'it has to have at most 1 item'],
  ['{ type: array, uniqueItems: true }', '[1, 1]', 'it has two items that are the same'],
])('says in words what %s asks for', async (schema, given, words) => {
  const flow = `params: { n: ${schema} }\nsteps: { a: { run: echo } }\n`;
  expect((await said(flow, [`n=${given}`])).messages).toEqual([`param \`n\` does not fit: ${words}`]);
});

it('does not start a run when only the writing of one is wrong', async () => {
  expect(await said(FLOW, ['s=1', 't=2', 'n'])).toMatchObject({ code: 2, params: null });
  expect(await said(FLOW, ['s=1', 't=2', 'n=3'])).toMatchObject({ code: null, params: { n: 3 } });
});
