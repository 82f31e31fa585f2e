/**
 * Who looks is killed, again and again: every run that failed begins one run, and is told at least once. `FLOWCTL_KILLS=200` kills more
 * often, `FLOWCTL_SEED` draws the same moments again.
 */

import { afterEach, beforeEach, expect, it } from 'vitest';
import { serve, type TestServer, withStatus } from '../kit/http.ts';
import { eventually, Rig } from '../kit/rig.ts';
import { between, seeded } from '../kit/seeded.ts';

const KILLS = Number(process.env['FLOWCTL_KILLS'] ?? 6);
const SEED = Number(process.env['FLOWCTL_SEED'] ?? Date.now() % 1_000_000);
/** One run that fails for so many kills. */
const KILLS_PER_RUN = 3;

let rig: Rig;
let server: TestServer;
beforeEach(async () => {
  server = await serve(withStatus(200));
  rig = new Rig();
});
afterEach(async () => {
  await server.close();
  rig.remove();
});

interface Row {
  readonly id: string;
  readonly flow: string;
  readonly state: string;
}

it(
  `(exactly once, at least once) automations survive kill -9 of whoever performs them, seed ${SEED}`,
  async () => {
    const draw = seeded(SEED);
    rig.write('bad.yaml', 'name: bad\nsteps: { a: { run: exit 3 } }\n');
    rig.write(
      'repair.yaml',
      'name: repair\nparams: { of: none }\nsteps: { a: { run: "echo $OF >> $EFFECTS", env: { OF: "${{ params.of }}" } } }\n',
    );
    rig.write(
      'flowctl.config.yaml',
      [
        'automations:',
        '  - name: mend',
        '    when: { run: { flow: bad } }',
        '    at_most: 1000',
        '    then:',
        '      - { run: repair, params: { of: "${{ event.run.id }}" } }',
        `      - { notify: { webhook: "${server.url}/hook", text: "\${{ event.run.id }}" } }`,
        '',
      ].join('\n'),
    );
    await rig.flowctl('deploy', 'repair.yaml');
    await rig.flowctl('tick');
    const bad: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      if (kill % KILLS_PER_RUN === 0) {
        await rig.flowctl('run', 'bad.yaml');
        const [last] = await rig.query<readonly Row[]>('runs', '--flow', 'bad', '--limit', '1');
        bad.push(last?.id ?? '');
      }
      const tick = rig.start(['tick']);
      const timer = setTimeout(() => tick.process.kill('SIGKILL'), between(draw, 30, 500));
      await tick.ended;
      clearTimeout(timer);
    }
    const repairs = async (): Promise<readonly Row[]> =>
      (await rig.query<readonly Row[]>('runs', '--flow', 'repair', '--limit', '10000')).filter(
        ({ state }) => state === 'succeeded',
      );
    await eventually('every run that failed was mended', 120_000 + KILLS * 3_000, async () => {
      await rig.flowctl('tick');
      return (await repairs()).length >= bad.length;
    });
    // Nothing is left that would begin another one, once a claim that was cut off has had its time.
    await rig.flowctl('tick');
    expect(rig.effects().toSorted()).toEqual(bad.toSorted());
    const told = server.asked.map(({ body }) => (JSON.parse(body) as { readonly text: string }).text);
    expect([...new Set(told)].sort()).toEqual(bad.toSorted());
  },
  300_000 + KILLS * 6_000,
);
