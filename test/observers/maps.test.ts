/** Maps and groups in the live view: what belongs together stands together, and a large map is one line with counts. */

import { describe, expect, it } from 'vitest';
import type { StepId, StepKey } from '../../src/base/ids.ts';
import { drawn, Story } from './scenes.ts';

const key = (text: string): StepKey => text as StepKey;

/** A map of so many items between two steps; nothing has happened to the items. */
function mapped(count: number): Story {
  const items = [...Array(count).keys()].map((item) => ({ key: key(`load[${item}]`), item }));
  return new Story(['first', 'load', 'last']).succeed('first').add({ type: 'step.expanded', step: key('load'), items });
}

describe('a map', () => {
  it('has its items beneath it where there is room', () => {
    const story = mapped(3).succeed('load[0]').fail('load[1]').start('load[2]');
    expect(drawn(story)).toBe(`⠋ etl  01m802n0sk  3/6  3s
  ✓ first        1.2s
  ▸ load               2/3  1 failed
  ✓   load[0]    1.2s
  ✗   load[1]    1.2s  exited with code 3
  ⠋   load[2]      3s
  · last
`);
  });

  it('of many items is one line with counts; what runs and what failed stands beneath it, and never more than fits', () => {
    let story = mapped(1_000);
    for (let item = 0; item < 40; item += 1)
      story = item % 10 === 7 ? story.fail(`load[${item}]`) : story.succeed(`load[${item}]`);
    for (let item = 40; item < 60; item += 1) story = story.start(`load[${item}]`);
    const lines = drawn(story, { rows: 14 }).trimEnd().split('\n');
    expect(lines).toHaveLength(13);
    expect(lines[0]).toMatch(/^⠋ etl {2}01m802n0sk {2}[━─]+ {2}41\/1,003 {2}3s$/);
    expect(lines.map((line) => line.replace(/ {2,}/g, ' ')).slice(1)).toEqual([
      ' ✓ first 1.2s',
      ' ▸ load 40/1,000 4 failed',
      ' ⠋ load[40] 3s',
      ' ⠋ load[41] 3s',
      ' ⠋ load[42] 3s',
      ' ⠋ load[43] 3s',
      ' ⠋ load[44] 3s',
      ' ⠋ load[45] 3s',
      ' ⠋ load[46] 3s',
      ' ✗ load[27] 1.2s exited with code 3',
      ' ✗ load[37] 1.2s exited with code 3',
      ' · last',
    ]);
  });

  it('in a terminal with fewer lines than steps a digest, with a line for the map', () => {
    const text = drawn(mapped(100).succeed('load[0]').start('load[1]'), { rows: 4 });
    expect(text.trimEnd().split('\n').length).toBeLessThan(4);
    expect(text).toContain('load[1]');
  });
});

it('members of a group stand beneath it, wherever they came in', () => {
  const members = ['a', 'b'].map((id) => ({ id: id as StepId, needs: [] }));
  const story = new Story(['group', 'last'])
    .add({ type: 'step.expanded', step: key('group'), items: [], members })
    .start('group/a');
  expect(drawn(story)).toBe(`⠋ etl  01m802n0sk  0/4  3s
  ▸ group
  ⠋   group/a      3s
  ·   group/b
  · last
`);
});

it('a step that waits for a person says what is asked', () => {
  const question = { message: 'ship it?', params: {}, expires: null };
  const story = new Story(['gate']).add({ type: 'approval.requested', step: key('gate'), ...question });
  expect(drawn(story)).toContain('gate          waits for a person  ship it?');
});
