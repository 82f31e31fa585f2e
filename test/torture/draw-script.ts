/** Draws a flow in TypeScript: an ordinary function of loops, maps, commands, tasks in tasks and sleeps. */

import { between, chance, type Draw } from '../kit/seeded.ts';
import type { DrawnFlow, ExpectedStep } from './flow-parts.ts';

const HEAD = `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { context, flow, sh, task } from 'flowctl';

const hash = (value: unknown): number =>
  [...JSON.stringify(value)].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 7);

async function act(ms: number, failures: number, inputs: unknown): Promise<number> {
  const { run, step } = context();
  appendFileSync(process.env.EFFECTS ?? '', \`\${run} \${step}\\n\`);
  await delay(ms);
  if (ms % 2 === 1 && process.env.TORTURE_NAP) await delay(Number(process.env.TORTURE_NAP) * 1000);
  if (failures > 0) {
    const counted = \`\${process.env.COUNTS}/\${run}.\${step.replaceAll('/', '_')}\`;
    const tries = existsSync(counted) ? Number(readFileSync(counted, 'utf8')) : 0;
    if (tries < failures) {
      writeFileSync(counted, String(tries + 1));
      throw new Error(\`try \${tries}\`);
    }
  }
  return hash([step, inputs]);
}

const work = task('work', { retry: 3 }, act);
const inner = task('inner', async (input: number) => act(5, 0, input));
`;

/** Draws one. */
export function drawScript(draw: Draw): DrawnFlow {
  const steps: ExpectedStep[] = [];
  const expect = (key: string): void => {
    steps.push({ key, successes: 1, isOnce: false, mayBeReused: false });
  };
  const lines: string[] = ['let value = 1;'];
  const size = between(draw, 2, 8);
  for (let index = 0; index < size; index += 1) {
    const form = draw();
    const ms = between(draw, 0, 40);
    if (form < 0.35) {
      const failures = chance(draw, 0.15) ? between(draw, 1, 3) : 0;
      expect(`work[w${index}]`);
      lines.push(`value = await work.with({ key: 'w${index}' })(${ms}, ${failures}, value);`);
    } else if (form < 0.6) {
      const width = between(draw, 2, 4);
      for (let item = 0; item < width; item += 1) expect(`work[p${index}-${item}]`);
      lines.push(
        `{`,
        `  const before = value;`,
        `  const all = await Promise.all(Array.from({ length: ${width} }, (_, item) => work.with({ key: \`p${index}-\${item}\` })(${ms} + item * 3, 0, before)));`,
        `  value = hash(all);`,
        `}`,
      );
    } else if (form < 0.75) {
      const items = between(draw, 1, 8);
      for (let item = 0; item < items; item += 1) expect(`m${index}[${item}]`);
      lines.push(
        `value = hash(await m${index}.map([${Array.from({ length: items }, (_, item) => item)}], { args: (item) => [${ms}, item], maxParallel: 3 }));`,
      );
    } else if (form < 0.85) {
      expect(`c${index}`);
      const command =
        'echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"; echo "n=$((VALUE % 97))" >> "$FLOWCTL_OUTPUT"';
      lines.push(
        `value = hash(await sh.with({ name: 'c${index}', env: { VALUE: String(value) } })\`${command.replaceAll('$', '\\$')}\`);`,
      );
    } else if (form < 0.93) {
      expect(`o${index}`);
      expect(`o${index}/inner`);
      lines.push(`value = await o${index}(value);`);
    } else lines.push(`await context().sleep('${ms}ms');`);
  }
  const text = lines.join('\n  ');
  const made = [...text.matchAll(/\b([mo])(\d+)(?:\.map)?\(/g)].map(([, letter = '', number = '']) =>
    letter === 'm'
      ? `const m${number} = task('m${number}', async (ms: number, input: number) => act(ms, 0, input));`
      : `const o${number} = task('o${number}', async (input: number) => { const own = await act(3, 0, input); return hash([own, await inner(input)]); });`,
  );
  const body = `${HEAD}${made.join('\n')}\n
export default flow('torture', async () => {
  ${text}
  return { value };
});
`;
  if (steps.length === 0) return drawScript(draw);
  const files = new Map([['flow.ts', body]]);
  return { kind: 'typescript', entry: 'flow.ts', files, steps, gate: null, generated: [], loud: [], isWarm: false };
}
