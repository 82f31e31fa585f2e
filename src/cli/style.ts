/** Colours: the one place that decides whether there are any, and which role has which. */

import { Chalk, type ChalkInstance } from 'chalk';
import { type Paint, plainPaint } from '../diagnostics/paint.ts';
import type { LinePaint } from '../observers/plain.ts';

/** What the decision is made from. */
export interface ColourQuestion {
  /** `--color` or `--no-color`; undefined when neither was given. */
  readonly flag: boolean | undefined;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly isTerminal: boolean;
}

/**
 * Decides about colour: the flag, then NO_COLOR (no-color.org: set and not empty), then FORCE_COLOR (`0` and `false` switch it off),
 * then GitHub Actions, which shows colours without being a terminal, then whether a terminal that is not `dumb` listens.
 */
export function hasColour({ flag, environment, isTerminal }: ColourQuestion): boolean {
  if (flag !== undefined) return flag;
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  const force = environment['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (environment['GITHUB_ACTIONS'] === 'true') return true;
  return isTerminal && environment['TERM'] !== 'dumb';
}

/** Colours by role. */
export interface Style extends LinePaint {
  readonly diagnostics: Paint;
}

const unchanged = (text: string): string => text;
const PLAIN: Style = {
  good: unchanged,
  bad: unchanged,
  odd: unchanged,
  faint: unchanged,
  strong: unchanged,
  diagnostics: plainPaint,
};

/** The colours of every role, or none at all. */
export function createStyle(colour: boolean): Style {
  if (!colour) return PLAIN;
  const chalk: ChalkInstance = new Chalk({ level: 1 });
  return {
    good: chalk.green,
    bad: chalk.red,
    odd: chalk.yellow,
    faint: chalk.dim,
    strong: chalk.bold,
    diagnostics: {
      error: chalk.red.bold,
      warning: chalk.yellow.bold,
      message: chalk.bold,
      frame: chalk.blue,
      related: chalk.blue,
      help: chalk.cyan,
    },
  };
}
