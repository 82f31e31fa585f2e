/**
 * A flowctl in miniature that the test kills: it starts the attempts it is given as JSON lines of `{step, text}` and prints
 * `spawned STEP PID` behind each gate. With `hold` it never opens the gates.
 */
import { parseRunId } from '../../src/base/ids.ts';
import { createRig, stepKey } from './rig.ts';

const [runText = '', mode = '', ...texts] = process.argv.slice(2);
const run = parseRunId(runText);
if (run === null) throw new Error('no run id');
const rig = createRig({ run });
process.stdout.write(`watchdog ${rig.watchdog.pid}\n`);
for (const [index, text] of texts.entries()) {
  const step = stepKey(`s${index}`);
  void rig.start(rig.request({ kind: 'shell', shell: 'sh', text }, { step, workdir: '/tmp' }), {
    spawned: async (identity) => {
      process.stdout.write(`spawned ${step} ${identity.pid}\n`);
      if (mode === 'hold') await new Promise(() => {});
    },
  }).done;
}
setInterval(() => {}, 60_000);
