/** Workflow commands of GitHub Actions: what is written for a step that failed, and that nothing else is obeyed. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnnotationObserver, unobeyed, withoutOldCommands } from '../../src/observers/annotations.ts';
import { Story } from './scenes.ts';

function annotated(story: Story, logEnd: string | null = 'one\ntwo', file = 'flows/etl.yaml'): string {
  let text = '';
  const observer = createAnnotationObserver({
    write: (more) => {
      text += more;
    },
    placeOf: (step) => ({ file, line: step === 'unplaced' ? null : 12 }),
    logEnd: (step, attempt) => (logEnd === null ? null : `${logEnd} of ${step} ${attempt}`),
    token: () => 'TOKEN',
  });
  for (const event of story.events) observer.observe(event);
  return text;
}

/** What the runner obeys in a text: `ActionCommandManager.TryProcessCommand` of the runner, in short. */
function obeyed(text: string): readonly string[] {
  const commands: string[] = [];
  let stopped: string | null = null;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const found = /^\s*::([^\s:]+)(?: [^:]*)?::(.*)$/.exec(line) ?? /##\[([^\s\]]+)[^\]]*\](.*)/.exec(line);
    const name = found?.[1];
    if (name === undefined) continue;
    if (stopped !== null) {
      if (name === stopped) stopped = null;
    } else if (name === 'stop-commands') stopped = found?.[2] ?? '';
    else commands.push(name);
  }
  return commands;
}

describe('a step that failed', () => {
  it('has a group with the end of its last log, and an error at its line', () => {
    const story = new Story(['load']).start('load').end('load', 'failed').retry('load', 2, 10).start('load', 2);
    expect(annotated(story.end('load', 'failed', 2).settle('load', 'failed'))).toBe(
      `::group::the end of what load printed
::stop-commands::TOKEN
one
two of load 2
::TOKEN::
::endgroup::
::error file=flows/etl.yaml,line=12,title=step load failed::exited with code 3
`,
    );
  });

  it('has the error alone when it printed nothing, and no line where none is known', () => {
    expect(annotated(new Story(['unplaced']).fail('unplaced'), null)).toBe(
      '::error file=flows/etl.yaml,title=step unplaced failed::exited with code 3\n',
    );
  });

  it('has a message and a file that stay data', () => {
    const text = annotated(new Story(['a']).fail('a', '100%\n::set-env name=A::b\r\u001b[2J'), null, 'a,b:c%.yaml');
    expect(text).toBe('::error file=a%2Cb%3Ac%25.yaml,line=12,title=step a failed::100%25 ::set-env name=A::b\n');
  });

  it('is silent when the failure is tolerated, tried again, or no failure', () => {
    const story = new Story(['a', 'b', 'c', 'd'])
      .start('a')
      .end('a', 'failed')
      .settle('a', 'failed', true)
      .succeed('b');
    story.start('c').end('c', 'cancelled').settle('c', 'cancelled');
    story.start('d').end('d', 'failed').retry('d', 2, 10).start('d', 2).end('d', 'succeeded', 2);
    expect(annotated(story)).toBe('');
  });
});

describe('text of others', () => {
  const line = fc.string({
    unit: fc.constantFrom('::', '##[', ']', 'error', 'stop-commands', 'TOKEN', ' ', '\n', '\r', 'x', '::endgroup::\n'),
    maxLength: 20,
  });

  it('is never obeyed, whatever it holds but the token', () => {
    fc.assert(
      fc.property(line, (text) => {
        expect(obeyed(unobeyed(text, 'a-secret'))).toEqual([]);
        expect(obeyed(`${unobeyed(text, 'a-secret')}::notice::after\n`)).toEqual(['notice']);
      }),
    );
    // The judge can see: without protection commands are obeyed.
    expect(obeyed('  ::error::forged\nx ##[warning]forged\n')).toEqual(['error', 'warning']);
  });

  it('in a line of ours is not obeyed in the older form either', () => {
    expect(
      obeyed(withoutOldCommands('2026-03-01T06:00:00.000Z a failed: ##[error]forged ##[set-env name=x]y')),
    ).toEqual([]);
  });
});
