/** Maps: `foreach` and `matrix`, what belongs to them, and that what stands there can be a list. */

import { example, quoted } from '../diagnostics/phrase.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression, parseTemplate } from '../expressions/expressions.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import { itemsOf } from './node-values.ts';
import { MATRIX_LISTS, percentOf } from './normal-map.ts';
import { isMapped, type StepOutline } from './outline.ts';
import type { Problems } from './problems.ts';

/** A text where a list may stand has to be one expression. */
function checkList(node: DocumentNode, what: string, problems: Problems): void {
  const text = textOf(node)?.trim();
  // An empty text, or one that is no expression, has been reported.
  if (text === undefined || text === '') return;
  const parsed = parseTemplate(text);
  if (!parsed.ok || parsed.value.kind === 'expression') return;
  const isMixed = hasExpression(text);
  const remedy = isMixed
    ? 'text around an expression makes a text of it: leave only the expression'
    : `write a list: \`[${text.split(/\s*,\s*/).join(', ')}]\``;
  const expected = 'a list, or one expression that yields it';
  problems.at('wrong_type', node, {
    what,
    expected,
    found: isMixed ? 'a longer text' : `the text ${quoted(text)}`,
    remedy,
  });
}

function checkMatrix(step: StepOutline, matrix: DocumentNode, problems: Problems): void {
  const axes = entriesOf(matrix).filter(({ key }) => !MATRIX_LISTS.includes(key));
  const known = new Set(axes.map(({ key }) => key));
  const folded = new Map<string, string>();
  for (const { key, keySpan } of axes) {
    const other = folded.get(key.toLowerCase());
    if (other !== undefined) problems.at('axis_name_clash', keySpan, { name: key, other });
    else folded.set(key.toLowerCase(), key);
  }
  for (const { key, value } of entriesOf(matrix))
    checkList(value, `\`matrix.${key}\` of step \`${step.name}\``, problems);
  for (const combination of itemsOf(entryOf(matrix, 'exclude')?.value)) {
    for (const { key, keySpan } of entriesOf(combination)) {
      if (known.has(key)) continue;
      const near = problems.hasRoom ? [...known] : [];
      problems.at('unknown_axis', keySpan, { name: key, known: near, suggestion: suggest(key, near) });
    }
  }
}

function checkTolerance(step: StepOutline, node: DocumentNode, problems: Problems): void {
  const text = textOf(node);
  if (text === undefined || percentOf(text) !== null) return;
  const remedy = `write how many items may fail, or which part of them:${example('tolerate: 3', 'tolerate: 10%')}`;
  const facts = { what: `\`tolerate\` of step \`${step.name}\``, expected: 'a whole number or a percentage', remedy };
  problems.at('wrong_type', node, { ...facts, found: `the text ${quoted(text)}` });
}

/** Checks what a step says of items, and that it has any. */
export function checkMap(step: StepOutline, problems: Problems): void {
  const [foreach, matrix] = [entryOf(step.body, 'foreach'), entryOf(step.body, 'matrix')];
  if (foreach !== undefined && matrix !== undefined) {
    const keys = ['foreach', 'matrix'];
    const earlier = problems.place(foreach.keySpan, 'and `foreach` here');
    problems.at('one_key_of', matrix.keySpan, { what: `step \`${step.name}\``, keys, found: keys }, [earlier]);
  }
  for (const name of isMapped(step) ? [] : ['key', 'tolerate']) {
    const entry = entryOf(step.body, name);
    const facts = { key: name, step: step.name, home: '`foreach` or `matrix`', remedy: null };
    if (entry !== undefined) problems.at('misplaced_key', entry.keySpan, facts);
  }
  if (foreach !== undefined) checkList(foreach.value, `\`foreach\` of step \`${step.name}\``, problems);
  if (matrix !== undefined) checkMatrix(step, matrix.value, problems);
  const tolerate = entryOf(step.body, 'tolerate')?.value;
  if (tolerate !== undefined) checkTolerance(step, tolerate, problems);
  const key = entryOf(step.body, 'key')?.value;
  const written = textOf(key);
  if (key === undefined || written === undefined || written === '' || hasExpression(written) || !isMapped(step)) return;
  const remedy = `every item would have the same name; for example:${example('key: "${{ item.id }}"')}`;
  const what = `\`key\` of step \`${step.name}\``;
  problems.at('wrong_type', key, {
    what,
    expected: 'a text with an expression',
    found: `the text ${quoted(written)}`,
    remedy,
  });
}
