import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnostics/diagnostic.ts';
import { printDiagnostic } from '../../src/diagnostics/frame.ts';
import { plainPaint } from '../../src/diagnostics/paint.ts';
import { printDiagnostics, toJson } from '../../src/diagnostics/report.ts';
import { SourceText } from '../../src/diagnostics/source.ts';

/** Prints a problem at `what`, with related places, in a text. */
function printed(text: string, what: string, related: readonly string[] = []): string {
  const source = new SourceText('f.yaml', text);
  const placeOf = (part: string, label: string | null = null) =>
    source.place(text.indexOf(part), text.indexOf(part) + part.length, label);
  const diagnostic = diagnose(
    'duplicate_key',
    { key: 'k' },
    placeOf(what),
    related.map((part) => placeOf(part, `this ${part}`)),
  );
  return printDiagnostic(diagnostic, new Map([['f.yaml', source]]));
}
/** The lines between the arrow and the help. */
const frame = (text: string, what: string, related: readonly string[] = []): readonly string[] =>
  printed(text, what, related).split('\n').slice(3, -2);

describe('a frame', () => {
  it('points at one place', () => {
    expect(printed('a: 1\nb: 2\n', 'b').split('\n')).toEqual([
      'error[duplicate_key]: `k` is written twice',
      ' --> f.yaml:2:1',
      '  |',
      '2 | b: 2',
      '  | ^',
      '  |',
      'help: keep one of them',
    ]);
  });

  it('shows several places in the order of the file, and leaves out what is between', () => {
    expect(frame('one\ntwo\nthree\nfour\nfive six\n', 'six', ['five', 'one', 'two'])).toEqual([
      '1 | one',
      '  | --- this one',
      '2 | two',
      '  | --- this two',
      '...',
      '5 | five six',
      '  | ---- this five',
      '  |      ^^^',
    ]);
  });

  it('keeps its columns behind tabs, wide characters and combining marks', () => {
    expect(frame('\tx: y', 'x')).toEqual(['1 |     x: y', '  |     ^']);
    expect(frame('日本: 🎉 x', 'x')).toEqual(['1 | 日本: 🎉 x', '  |          ^']);
    expect(frame('日本: x', '日本')).toEqual(['1 | 日本: x', '  | ^^^^']);
    expect(frame('e\u0301e\u0301 x', 'x')).toEqual(['1 | e\u0301e\u0301 x', '  |    ^']);
  });

  it('cuts long lines around the place', () => {
    const [line = '', carets = ''] = frame(`${'a'.repeat(500)} here ${'b'.repeat(500)}`, 'here');
    expect(line.length).toBeLessThan(110);
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('here');
    expect(line).toMatch(/…a+ here b+…$/);
    const [all = '', under = ''] = frame('x'.repeat(10_000), 'x'.repeat(10_000));
    expect(all.length).toBeLessThan(110);
    expect(under.length).toBeLessThan(110);
  });

  it('ends a place of several lines with its first', () => {
    expect(frame('a: "b\n  c"\n', '"b\n  c"')).toEqual(['1 | a: "b', '  |    ^^']);
  });

  it('points behind the end of a line', () => {
    const source = new SourceText('f.yaml', 'a:\n');
    const text = printDiagnostic(diagnose('empty_flow', {}, source.place(99, 99)), new Map([['f.yaml', source]]));
    expect(text).toContain('--> f.yaml:2:1\n  |\n2 |\n  | ^\n');
  });

  it('shows what a terminal would obey', () => {
    const [line] = frame('a: \u001b[31mred\u001b]0;x\u0007 \u202e\u009b x', 'x\u0007');
    expect(line).toBe('1 | a: ␛[31mred␛]0;x␇ \uFFFD\uFFFD x');
    const diagnostic = diagnose('duplicate_key', { key: 'k\u001b[31m' }, new SourceText('f', '').place(0, 0));
    expect(printDiagnostic(diagnostic, new Map())).not.toContain('\u001b');
  });

  it('is coloured by whoever prints it', () => {
    const paint = { ...plainPaint, error: (text: string) => `<${text}>` };
    const source = new SourceText('f.yaml', 'a: 1');
    const text = printDiagnostic(
      diagnose('duplicate_key', { key: 'a' }, source.place(0, 1)),
      new Map([['f.yaml', source]]),
      paint,
    );
    expect(text).toContain('<error[duplicate_key]>: `a` is written twice');
    expect(text).toContain('  | <^>');
  });
});

describe('a report', () => {
  const source = new SourceText('f.yaml', 'a: 1\nb: 2\n');
  const first = diagnose('pipe_in_sh', { step: 'a' }, source.place(0, 1));
  const second = diagnose('self_need', { step: 'b' }, source.place(5, 6));

  it('is in the order of the file, and counts', () => {
    const text = printDiagnostics([second, first], new Map([['f.yaml', source]]));
    expect(text.indexOf('pipe_in_sh')).toBeLessThan(text.indexOf('self_need'));
    expect(text).toMatch(/\n1 error, 1 warning\n$/);
    expect(printDiagnostics([], new Map())).toBe('');
  });

  it('has exactly the members of `validate --json`', () => {
    expect(toJson(second)).toEqual({
      file: 'f.yaml',
      line: 2,
      column: 1,
      severity: 'error',
      code: 'self_need',
      message: 'step `b` needs itself',
      help: 'leave it out of `needs`',
    });
    expect(toJson(diagnose('complex_key', {}, source.place(0, 1))).severity).toBe('error');
  });
});
