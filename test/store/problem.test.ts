import { expect, it } from 'vitest';
import { describeProblem, problemFrom } from '../../src/store/problem.ts';

it('names the code of a refusal once', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  expect(describeProblem(problemFrom(full, '/state/x'))).toBe('/state/x: ENOSPC: no space left on device, write');
  const told = { kind: 'io', file: '/state/x', code: 'ENOSPC', message: 'the disk is full' } as const;
  expect(describeProblem(told)).toBe('/state/x: the disk is full (ENOSPC)');
});
