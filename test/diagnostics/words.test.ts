import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foreignWord } from '../../src/diagnostics/foreign.ts';
import { counted, listed, quoted, yamlScalar } from '../../src/diagnostics/phrase.ts';
import { SourceText } from '../../src/diagnostics/source.ts';
import { KEYS } from '../../src/load/vocabulary.ts';
import { suggest } from '../../src/diagnostics/suggest.ts';
import { parse } from 'yaml';

describe('suggestions', () => {
  const known = ['needs', 'timeout', 'continue_on_error', 'run'];

  it('find slips of the finger, of case, and of hyphens', () => {
    expect(suggest('neads', known)).toBe('needs');
    expect(suggest('tiemout', known)).toBe('timeout');
    expect(suggest('continue-on-error', known)).toBe('continue_on_error');
    expect(suggest('continueOnError', known)).toBe('continue_on_error');
    expect(suggest('RUN', known)).toBe('run');
  });

  it('are not made where nothing is near', () => {
    expect(suggest('colour', known)).toBeNull();
    expect(suggest('', known)).toBeNull();
    expect(suggest('needs', ['needs'])).toBeNull();
    expect(suggest('x'.repeat(100_000), known)).toBeNull();
  });
});

describe('words of other tools', () => {
  it('are known by whole words, in their place', () => {
    const asked =
      'depends_on dependsOn retries timeout-minutes timeout_minutes runs-on uses continue-on-error working-directory command cmd script args retryPolicy max_retries retry_delay_seconds preconditions dir cwd depends';
    expect(asked.split(' ').filter((word) => foreignWord(word, 'step', null) === null)).toEqual([]);
    const inFlows = 'jobs tasks on schedule task_runner parallel maxActiveSteps runs-on timeout-minutes retries';
    expect(inFlows.split(' ').filter((word) => foreignWord(word, 'flow', null) === null)).toEqual([]);
    const many =
      'with_items withItems with_param strategy loop for_each parallel map maxConcurrent max-parallel repeatPolicy until sleep suspend approval workflow dag tasks';
    for (const word of many.split(' ')) {
      const meaning = foreignWord(word, 'step', null);
      if (meaning?.kind !== 'known') throw new Error(`${word} is not known`);
      expect([word, ...Object.keys(parse(meaning.write) as object).filter((key) => !KEYS.step.includes(key))]).toEqual([
        word,
      ]);
    }
    expect(foreignWord('on', 'flow', 'push')).toMatchObject({ kind: 'known', tool: 'GitHub Actions' });
    expect(foreignWord('id', 'step', 'x')).toMatchObject({ kind: 'needless' });
    expect(foreignWord('toString', 'step', null)).toBeNull();
    expect(foreignWord('jobs', 'step', null)).toBeNull();
  });

  it('take the value that was written', () => {
    const lineFor = (word: string, value: string | null) => {
      const meaning = foreignWord(word, 'step', value);
      return meaning?.kind === 'known' ? meaning.write : meaning;
    };
    expect(lineFor('depends_on', 'extract')).toBe('needs: extract');
    expect(lineFor('timeout-minutes', '5')).toBe('timeout: 5m');
    expect(lineFor('command', 'echo "a": b')).toBe('run: "echo \\"a\\": b"');
    expect(lineFor('depends_on', null)).toBe('needs: other-step');
    expect(lineFor('command', '$& $1 <x>')).toBe('run: "$& $1 <x>"');
  });
});

describe('parts of sentences', () => {
  it('are put together', () => {
    expect(listed([], 'and')).toBe('');
    expect(listed(['a'], 'and')).toBe('a');
    expect(listed(['a', 'b'], 'or')).toBe('a or b');
    expect(listed(['a', 'b', 'c'], 'and')).toBe('a, b and c');
    expect(listed([...'abcdefghijkl'], 'and')).toBe('a, b, c, d, e, f, g, h, i and 3 more');
    expect([counted(1, 'error'), counted(2, 'error')]).toEqual(['1 error', '2 errors']);
    expect(listed([...'abcdefghijkl'], 'and', 12)).toBe('a, b, c, d, e, f, g, h, i, j, k and l');
    expect(quoted('x'.repeat(1_000)).length).toBeLessThan(65);
  });

  it('make YAML that means the same text', () => {
    const text = fc
      .string({ unit: 'grapheme-ascii' })
      .filter((each) => !/^\d+$/.test(each) && each !== 'true' && each !== 'false');
    for (const each of ['.0', '.5e3', '.inf', '.NaN', 'null', 'TRUE', '~', '.git', '...'])
      expect(parse(`a: ${yamlScalar(each)}`).a).toBe(each);
    fc.assert(fc.property(text, (each) => parse(`a: ${yamlScalar(each)}`).a === each));
  });
});

describe('places', () => {
  it('have the line and column of every offset', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\r\n', '\t', '😀') }), fc.nat(40), (text, offset) => {
        const source = new SourceText('f', text);
        const at = Math.min(offset, text.length);
        const before = text.slice(0, at).split('\n');
        const { line, column } = source.positionAt(offset);
        expect([line, column]).toEqual([before.length, (before.at(-1) ?? '').length + 1]);
        expect(source.lineText(line)).toBe(text.split('\n')[line - 1]?.replace(/\r$/, ''));
        expect(source.lineCount).toBe(text.split('\n').length);
      }),
    );
  });
});
