/** What cleans up has had its time: it is over then, and nothing else is promised. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';

const here = useCase();

it('a handler that is cut off is not tried again, and nobody says that it will be', async () => {
  const { rig } = here;
  rig.write(
    'flow.yaml',
    `cleanup_timeout: 300ms
steps: { a: { run: exit 1 } }
on_failure: [{ run: 'echo try >> "$EFFECTS"; sleep 60', retry: { max: 3 }, grace: 50ms }]
`,
  );
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'plain');
  expect(code).toBe(1);
  expect(stdout).toContain('on_failure[0]: `cleanup_timeout` was over');
  expect(stdout).not.toContain('tried again');
  expect(rig.effects()).toEqual(['try']);
  expect(stepOf(await shown(rig), 'on_failure[0]')).toMatchObject({ state: 'failed', timed_out: true });
});
