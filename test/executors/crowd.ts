/** Runs 40 steps at once, whatever the system allows, and prints how they ended and what is still open. */
import { readdirSync } from 'node:fs';
import { createRig, stepKey } from './rig.ts';

const rig = createRig();
const ends = await Promise.all(
  Array.from({ length: 40 }, (_, index) => rig.sh('sleep 0.05; exit 3', { step: stepKey(`s${index}`) })),
);
const kinds = ends.map((end) => (end.kind === 'failed' ? `${end.failure.code} ${end.exit_code}` : end.kind));
const open = readdirSync('/proc/self/fd').length;
await rig.close();
process.stdout.write(`${JSON.stringify({ kinds: [...new Set(kinds)], count: kinds.length, open })}\n`);
