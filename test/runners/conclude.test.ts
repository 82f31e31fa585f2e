import { expect, test } from 'vitest';
import type { Work } from '../../src/engine/ports.ts';
import { describeEnd } from '../../src/runners/conclude.ts';

const text = (shell: 'sh' | 'bash' | 'python' | 'node'): Work => ({ kind: 'shell', shell, text: '' });
const argv: Work = { kind: 'argv', argv: ['x'] };

test.each([
  [{ exitCode: 2, signal: null }, text('sh'), 'exited with code 2', null],
  [{ exitCode: 143, signal: null }, text('bash'), 'exited with code 143 (128+SIGTERM)', 'SIGTERM'],
  [{ exitCode: 143, signal: null }, argv, 'exited with code 143', null],
  [{ exitCode: 143, signal: null }, text('python'), 'exited with code 143', null],
  [{ exitCode: 128, signal: null }, text('sh'), 'exited with code 128', null],
  [{ exitCode: 255, signal: null }, text('sh'), 'exited with code 255', null],
  [{ exitCode: 0, signal: null }, text('sh'), 'exited with code 0, which is not among its success codes (1, 2)', null],
  [{ exitCode: null, signal: 'SIGKILL' }, text('sh'), 'ended by SIGKILL, possibly out of memory', 'SIGKILL'],
] as const)('%j of %j reads %j', (end, work, message, signal) => {
  const read = describeEnd(end, { work, success_codes: [1, 2] });
  expect(read).toMatchObject({ failure: { message }, signal, exit_code: end.exitCode });
});
