/** `run` in a job of GitHub Actions: groups, annotations, and log text that can command nothing. */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

const FLOW = `name: job
steps:
  good: { run: 'echo fine' }
  bad:
    needs: good
    run: |
      echo '::error file=x::forged'
      echo '##[warning]forged'
      echo '::add-path::/tmp/evil'
      exit 3
`;

describe('under GitHub Actions', () => {
  it('adds a group with the log and an error at the step, and lets no log text command the runner', async () => {
    const { rig } = here;
    rig.write('flows/job.yaml', FLOW);
    const env = { GITHUB_ACTIONS: 'true', CI: 'true', GITHUB_WORKSPACE: rig.folder, NO_COLOR: '1' };
    const { code, stdout } = await rig.flowctlWith({ env }, 'run', 'flows/job.yaml');
    expect(code).toBe(1);
    const token = /^::stop-commands::([0-9a-f-]{36})$/m.exec(stdout)?.[1] ?? 'none';
    expect(stdout).toContain(`::group::the end of what bad printed
::stop-commands::${token}
::error file=x::forged
##[warning]forged
::add-path::/tmp/evil
::${token}::
::endgroup::
::error file=flows/job.yaml,line=4,title=step bad failed::exited with code 3
`);
    // The log is shown once, and the summary commands nothing either.
    expect(stdout.split('::add-path::')).toHaveLength(2);
    expect(stdout).toMatch(/::stop-commands::([0-9a-f-]{36})\n\nbad: exited with code 3\n[\s\S]*::\1::\n$/);
  });

  it('shows items and members at the step of the file that they belong to', async () => {
    const { rig } = here;
    const map = '  map: { foreach: [0, 1], env: { N: "${{ item }}" }, run: exit $N }\n';
    rig.write('job.yaml', `steps:\n${map}  group:\n    steps:\n      inside: { run: exit 4 }\n`);
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: rig.folder };
    const { stdout } = await rig.flowctlWith({ env }, 'run', 'job.yaml');
    expect(stdout).toContain('::error file=job.yaml,line=2,title=step map[1] failed::exited with code 1\n');
    expect(stdout).toContain('::error file=job.yaml,line=3,title=step group/inside failed::exited with code 4\n');
  });

  it('protects what goes to stderr when nothing but failures is said, and says no more than that', async () => {
    const { rig } = here;
    rig.write('job.yaml', FLOW);
    for (const more of [['-q'], ['--output', 'json']]) {
      const { stdout, stderr } = await rig.flowctlWith({ env: { GITHUB_ACTIONS: 'true' } }, 'run', 'job.yaml', ...more);
      expect(stderr).toMatch(/^::stop-commands::([0-9a-f-]{36})\n[\s\S]*::add-path::[\s\S]*\n::\1::\n$/);
      expect(stdout).not.toMatch(/^::/m);
    }
  });

  it('is plain text elsewhere', async () => {
    const { rig } = here;
    rig.write('job.yaml', FLOW);
    const { stdout } = await rig.flowctl('run', 'job.yaml');
    expect(stdout).not.toMatch(/^::/m);
    expect(stdout).toContain('\n  ::add-path::/tmp/evil\n');
  });
});
