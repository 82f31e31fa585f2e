/** What stands under `if`: an expression, with or without `${{ }}` around the whole of it. */

/** How a condition was written. */
export type ConditionText =
  /** The expression, and where it begins in the text. */
  | { readonly kind: 'expression'; readonly text: string; readonly offset: number }
  /** `${{ }}` around a part of it: GitHub Actions makes a text of that, which is true whatever it says. */
  | { readonly kind: 'mixed' }
  /** `${{` without its `}}`. */
  | { readonly kind: 'unclosed'; readonly offset: number };

const OPEN = '${{';
const CLOSE = '}}';
/** A quoted text of an expression; a quote inside is written twice. */
const QUOTED = /'(?:[^']|'')*'/g;

/** True when marks of an expression stand inside another one, be it in a quoted text: `'${{'` alone is a text like any other. */
function hasMarks(text: string): boolean {
  if (text.replace(QUOTED, '').includes(OPEN)) return true;
  return [...text.matchAll(QUOTED)].some(([quoted]) => {
    const open = quoted.indexOf(OPEN);
    return open !== -1 && quoted.includes(CLOSE, open);
  });
}

/** Reads a condition. White space around it means nothing. */
export function readCondition(written: string): ConditionText {
  const text = written.trim();
  const offset = written.indexOf(text);
  if (!text.startsWith(OPEN)) return hasMarks(text) ? { kind: 'mixed' } : { kind: 'expression', text, offset };
  const inner = text.slice(OPEN.length, text.endsWith(CLOSE) ? -CLOSE.length : undefined);
  const isClosedEarly = inner.replace(QUOTED, '').includes(CLOSE);
  if (isClosedEarly || hasMarks(inner)) return { kind: 'mixed' };
  if (!text.endsWith(CLOSE)) return { kind: 'unclosed', offset };
  const expression = inner.trim();
  return { kind: 'expression', text: expression, offset: offset + OPEN.length + inner.indexOf(expression) };
}

const OPERATOR = /&&|\|\||[<>=]/;

/** A mixed condition as one expression: the marks are left out, and operators inside them are kept together. */
export function withoutMarks(written: string): string {
  // Whoever quotes the marks means the value, not its name.
  const text = written.trim().replace(/'\$\{\{((?:[^'}]|\}(?!\}))*)\}\}'/g, '${{$1}}');
  let bare = '';
  let read = 0;
  for (let open = text.indexOf(OPEN); open !== -1; open = text.indexOf(OPEN, read)) {
    const close = text.indexOf(CLOSE, open);
    if (close === -1) break;
    const inner = text.slice(open + OPEN.length, close).trim();
    bare += text.slice(read, open) + (OPERATOR.test(inner.replace(QUOTED, '')) ? `(${inner})` : inner);
    read = close + CLOSE.length;
  }
  return (bare + text.slice(read)).replace(/\s+/g, ' ');
}
