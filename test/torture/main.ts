/** `npm run torture`: see `usage`. Exits with 1 when a promise was broken. */

import { parseArgs } from 'node:util';
import { canCutPower, canTrace } from '../kit/abilities.ts';
import { runCampaign, summary } from './campaign.ts';
import { CONTROLS, tryControl } from './controls.ts';
import { KILL_KINDS, type KillKind } from './draw-kills.ts';

const usage = `npm run torture -- [options]
  --seed N        from which everything is drawn (default 1)
  --kills K       kill points (default 100)
  --jobs N        flows at once (default 2)
  --grace MS      the grace time of flowctl (default 300)
  --only KIND     ${KILL_KINDS.join(', ')}: kills of this kind alone
  --flows KIND    yaml, typescript: flows of this kind alone
  --flow SEED     only the flow that a violation named
  --program FILE  another flowctl than the one of this repository
  --controls      takes safeguards out of the program, one by one, and shows that the torture notices`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '100' },
    jobs: { type: 'string', default: '2' },
    grace: { type: 'string', default: '300' },
    only: { type: 'string' },
    flows: { type: 'string' },
    flow: { type: 'string' },
    program: { type: 'string' },
    controls: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const only: KillKind | null = KILL_KINDS.find((kind) => kind === values.only) ?? null;
const flows = values.flows === 'yaml' || values.flows === 'typescript' ? values.flows : null;
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (values.help) say(usage);
else if (values.controls) {
  for (const control of CONTROLS) {
    if (!control.isPossible()) {
      say(`left out    ${control.name}: this machine does not allow the check`);
      continue;
    }
    const [noticed] = await tryControl(control);
    say(
      `${noticed === undefined ? 'NOT CAUGHT ' : 'caught     '} ${control.name}${noticed === undefined ? '' : `: ${noticed}`}`,
    );
    if (noticed === undefined) process.exitCode = 1;
  }
} else {
  if (!canTrace()) say('strace is missing or may not trace: kills at system calls come at random times instead');
  if (!canCutPower('ext4')) say('no image can be mounted here: power cuts are left out');
  const result = await runCampaign({
    seed: Number(values.seed),
    kills: Number(values.kills),
    jobs: Number(values.jobs),
    graceMs: Number(values.grace),
    only,
    flows,
    flow: values.flow === undefined ? null : Number(values.flow),
    bin: values.program ?? null,
    say,
  });
  say(summary(result));
  if (result.violations.length > 0) process.exitCode = 1;
}
