/** `npm run torture`: see `usage`. Exits with 1 when a promise was broken. */

import { parseArgs } from 'node:util';
import { canCutPower, canTrace } from '../kit/abilities.ts';
import { type CampaignOptions, runCampaign, summary } from './campaign.ts';
import { buildMutant, type Control, CONTROLS } from './controls.ts';
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
  --controls      takes safeguards out of the program, one by one, and shows what notices: a check made for it, and the torture`;

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

const campaign: CampaignOptions = {
  seed: Number(values.seed),
  kills: Number(values.kills),
  jobs: Number(values.jobs),
  graceMs: Number(values.grace),
  only,
  flows,
  flow: values.flow === undefined ? null : Number(values.flow),
  bin: values.program ?? null,
  say,
};

/** What the check that is made for a safeguard says of a program without it, and what the torture says. */
async function showControl(control: Control): Promise<void> {
  if (!control.isPossible()) return say(`left out: ${control.name}: this machine does not allow the check`);
  const mutant = await buildMutant(control);
  try {
    const [noticed] = await control.check(mutant.bin);
    say(
      `${noticed === undefined ? 'NOT CAUGHT' : 'caught'}: ${control.name}${noticed === undefined ? '' : `: ${noticed}`}`,
    );
    if (noticed === undefined) process.exitCode = 1;
    const quiet = { say: () => {}, bin: mutant.bin, untilCaught: true };
    const { kinds, violations } = await runCampaign({ ...campaign, ...quiet });
    const points = kinds.time + kinds.call + kinds.power;
    const caught = violations.length === 0 ? 'does not notice' : `notices: ${violations[0]?.split('\n')[0]}`;
    say(`  the torture ${caught} (${points} kill points)`);
  } finally {
    mutant.remove();
  }
}

// So that what is to be done at the exit is done.
process.once('SIGINT', () => process.exit(130));
if (values.help) say(usage);
else if (values.controls) for (const control of CONTROLS) await showControl(control);
else {
  if (!canTrace()) say('strace is missing or may not trace: kills at system calls come at random times instead');
  if (!canCutPower('ext4')) say('no image can be mounted here: power cuts are left out');
  const result = await runCampaign(campaign);
  say(summary(result));
  if (result.violations.length > 0) process.exitCode = 1;
}
