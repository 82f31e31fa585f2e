/** The expressions of a text with their places, and names for variables that hold them. */

import { err, ok, type Result } from '../../base/result.ts';
import { parseExpression } from '../grammar.ts';
import type { Expression, Span, TemplateProblem } from '../syntax.ts';
import { findClose, UNCLOSED } from '../template.ts';

/** One `${{ ... }}`, braces included. */
export interface Marker extends Span {
  readonly source: string;
  readonly expression: Result<Expression, readonly TemplateProblem[]>;
}

/**
 * Finds the expressions of a text, in order; offsets, those inside the expressions too, count UTF-16 units of the text.
 * @returns them, or the problem of the one that is never closed.
 */
export function findMarkers(text: string): Result<readonly Marker[], TemplateProblem> {
  const markers: Marker[] = [];
  let open = text.indexOf('${{');
  while (open !== -1) {
    const close = findClose(text, open + 3);
    if (close === -1) return err({ ...UNCLOSED, offset: open });
    const end = close + 2;
    const source = text.slice(open, end);
    const expression = parseExpression(text.slice(open + 3, close), open + 3);
    markers.push({ offset: open, length: end - open, source, expression });
    open = text.indexOf('${{', end);
  }
  return ok(markers);
}

/** Names that mean something to a shell or to flowctl, and so are not offered. */
const TAKEN =
  /^(?:PATH|HOME|USER|SHELL|PWD|IFS|ENV|LANG|TERM|UID|EUID|PS\d|TMPDIR|RANDOM|SECONDS|LINENO|HOSTNAME|BASH.*|LD_.*|FLOWCTL_.*|NODE_OPTIONS|\d.*|)$/;

/**
 * A name for the variable that an expression is handed over in: the last name in it in upper case, with the one before it where the
 * last means something else already.
 * @param source the expression with its braces.
 */
export function suggestVariable(source: string): string {
  const names = [...source.replace(/'[^']*'/g, '').matchAll(/[A-Za-z_][A-Za-z0-9_-]*/g)].map(([name]) =>
    name.toUpperCase().replace(/-/g, '_'),
  );
  const candidates = [1, 2].map((count) => names.slice(-count).join('_'));
  return candidates.find((name) => !TAKEN.test(name)) ?? 'VALUE';
}
