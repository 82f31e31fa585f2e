/** What one command or function of a drawn flow does: its effect first, then trouble of some kind, then a value derived from its inputs. */

import { between, chance, type Draw, oneOf } from '../kit/seeded.ts';
import { LOUD_LINES } from './flow-parts.ts';

/** One piece of work, as lines of YAML, and what it is known by. */
export interface DrawnWork {
  readonly lines: readonly string[];
  readonly isOnce: boolean;
  readonly isLoud: boolean;
  readonly mayBeReused: boolean;
  /** True when it fails, and is allowed to. */
  readonly isTolerated: boolean;
  /** A file that it writes in two halves; null: none. */
  readonly generates: string | null;
}

/** Where a piece of work stands. */
export interface WorkPlace {
  /** Its step's name, alone of its kind in the flow. */
  readonly name: string;
  /** The steps whose outputs it is given. */
  readonly needs: readonly string[];
  /** True when it is the work of the items of a map. */
  readonly isItem: boolean;
  /** True when it may be left to a person once it was lost. */
  readonly mayBeOnce: boolean;
  /** True when it may write a file, print a secret, or be reused. */
  readonly isPlain: boolean;
}

/** Children that a step leaves behind. Their input and output are the step's. */
const STRAYS = [
  'sleep 20 &',
  'setsid sleep 20 &',
  "(trap '' TERM; sleep 20) &",
  "setsid sh -c 'sleep 20 & sleep 20' &",
  'setsid sh -c \'trap "" TERM; sleep 20\' &',
  'env -i sleep 20 &',
] as const;

const FLOW_EXPRESSION = (text: string): string => `\${{ ${text} }}`;

/** Draws a command. */
export function drawWork(draw: Draw, place: WorkPlace): DrawnWork {
  const { name, needs, isItem, isPlain } = place;
  const isTolerated = isPlain && chance(draw, 0.06);
  const failures = chance(draw, 0.1) && !isTolerated ? between(draw, 1, 3) : 0;
  const sleepMs = chance(draw, 0.7) ? between(draw, 0, 50) : 0;
  const stray = chance(draw, 0.2) ? oneOf(draw, STRAYS) : null;
  const prints = chance(draw, 0.05) && !isItem;
  const naps = chance(draw, 0.5);
  const isLoud = chance(draw, 0.06);
  const showsSecret = isPlain && chance(draw, 0.08);
  const generates = isPlain && chance(draw, 0.12) && !isTolerated ? `made-${name}` : null;
  const hasSources = isPlain && chance(draw, 0.12);
  const isOnce = place.mayBeOnce && chance(draw, 0.05) && !isTolerated;
  const needsSeat = chance(draw, 0.12);
  const inputs = needs.map((need) => `  IN_${need}: "${FLOW_EXPRESSION(`toJSON(steps.${need}.outputs)`)}"`);
  const secret = showsSecret ? [`  HIDDEN: "${FLOW_EXPRESSION('secrets.TORTURE_SECRET')}"`] : [];
  const env = [...inputs, ...secret];
  const sleep = `sleep 0.${String(sleepMs).padStart(3, '0')}`;
  const value = `$FLOWCTL_STEP ${needs.map((need) => `$IN_${need}`).join(' ')}`;
  const lines = [
    // Enough for the failures; a lost attempt spends none.
    `retry: ${failures}`,
    ...(isTolerated ? ['continue_on_error: true'] : []),
    ...(isOnce ? ['if_lost: fail'] : []),
    ...(generates === null ? [] : [`generates: ${generates}`, `artifacts: ${generates}`]),
    ...(needsSeat ? ['resources: { seats: 1 }'] : []),
    ...(hasSources ? ['sources: sources.txt', 'cache: true'] : []),
    ...(env.length > 0 ? ['env:', ...env] : []),
    'run: |',
    '  echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"',
    ...(isLoud
      ? [`  echo '${LOUD_LINES[0]}'`, `  echo '${LOUD_LINES[1]}' > /dev/stderr`, `  echo '${LOUD_LINES[2]}'`]
      : []),
    ...(prints ? ['  head -c 5000000 /dev/zero'] : []),
    ...(showsSecret ? ['  printf "%s\\n" "$HIDDEN"'] : []),
    ...(stray === null ? [] : [`  ${stray}`]),
    ...(generates === null ? [] : [`  echo first > ${generates}`]),
    ...(sleepMs > 0 ? [`  ${sleep}`] : []),
    ...(naps ? ['  if [ -n "$TORTURE_NAP" ]; then sleep "$TORTURE_NAP"; fi'] : []),
    ...(failures > 0 ? failing(name, isItem, failures) : []),
    ...(generates === null ? [] : [`  echo second >> ${generates}`]),
    ...(isTolerated ? ['  exit 3'] : []),
    '  value=$(cksum <<END',
    `  ${value}`,
    '  END',
    '  )',
    '  echo "value=${value%% *}" >> "$FLOWCTL_OUTPUT"',
  ];
  return { lines, isOnce, isLoud, mayBeReused: hasSources, isTolerated, generates };
}

/** Counts its tries outside of the state, where no power cut reaches, and fails the first of them. */
function failing(name: string, isItem: boolean, failures: number): readonly string[] {
  const item = isItem ? '.$FLOWCTL_ITEM' : '';
  return [
    `  counted="$COUNTS/$FLOWCTL_RUN_ID.${name}${item}"`,
    '  tries=0; if [ -e "$counted" ]; then read -r tries < "$counted" || tries=0; fi',
    `  if [ "$tries" -lt ${failures} ]; then echo $((tries + 1)) > "$counted"; exit 3; fi`,
  ];
}

/** What functions of YAML flows are. */
export const FUNCTIONS = `import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { context } from 'flowctl';

export async function work({ inputs, ms, naps }) {
  const { run, step } = context();
  appendFileSync(process.env.EFFECTS, \`\${run} \${step}\\n\`);
  await delay(ms);
  if (naps && process.env.TORTURE_NAP) await delay(Number(process.env.TORTURE_NAP) * 1000);
  return { value: [...JSON.stringify([step, inputs])].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1000003, 7) };
}
`;

/** Draws a call of the function above. */
export function drawCall(draw: Draw, { needs }: WorkPlace): DrawnWork {
  const inputs = needs.map((need) => `    ${need}: "${FLOW_EXPRESSION(`steps.${need}.outputs`)}"`);
  const lines = [
    'call: ./functions.mjs#work',
    'with:',
    `  ms: ${between(draw, 0, 50)}`,
    `  naps: ${String(chance(draw, 0.5))}`,
    ...(inputs.length > 0 ? ['  inputs:', ...inputs] : ['  inputs: {}']),
    ...(chance(draw, 0.3) ? ['isolate: process'] : []),
  ];
  return { lines, isOnce: false, isLoud: false, mayBeReused: false, isTolerated: false, generates: null };
}
