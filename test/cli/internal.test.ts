/** A bug of flowctl is said as such, with exit code 70, wherever it shows. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain } from '../kit/flows.ts';

const here = useCase();

/** Something that nobody awaits throws, again and again. */
const THROW = `
if (/flowctl\\.js$/.test(process.argv[1] ?? '')) {
  setInterval(() => Promise.reject(new Error('a bug of flowctl')), Number(process.env.AFTER_MS));
}
`;

it.each([
  ['while a query begins', 0, 'runs'],
  ['amid a run, again and again', 150, 'run flow.yaml'],
])('%s', async (_, afterMs, call) => {
  const { rig } = here;
  here.mayLeaveStrays();
  rig.write('flow.yaml', chain({ b: 'run: sleep 600' }));
  const preload = rig.write('throw.cjs', THROW);
  const text = `"$NODE" --require ${preload} "$BIN" ${call}`;
  const { code, stderr } = await rig.shell(`exec ${text}`, { env: { AFTER_MS: String(afterMs) } }).ended;
  expect(code, stderr).toBe(70);
  expect(stderr).toMatch(
    /^error: internal: a bug of flowctl \(flowctl .*, Node .*\)\nhelp: this is a bug in flowctl; please report/,
  );
  // Node's own words, which are a stack trace and nothing else.
  expect(stderr).not.toContain('Node.js v');
});
