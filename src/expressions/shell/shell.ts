/**
 * Expressions in shell text: a value never becomes code. Every expression is replaced by a reference to a variable of the environment,
 * quoted for the place where it stands; where a value would be read as code, pattern, name or number, it is refused with what to write
 * instead. Values never enter the text, so that even a place that was judged wrongly could not run one as it stands.
 *
 * This room must not know flows, steps or how a shell is started, and nothing here runs anything.
 * Where next: `command` reads lists and commands, `compound` loops and the like, `word` one word, `expansion` what begins with a dollar
 * sign, `heredoc` here-documents; `judge` decides, `evaluating-words` is the table of commands that read their words as code.
 */

import { err, ok, type Result } from '../../base/result.ts';
import type { Template } from '../template.ts';
import { readList } from './command.ts';
import { Judge } from './judge.ts';
import { findMarkers, type Marker, suggestVariable } from './marker.ts';
import { describeRefusal, type PlaceProblem, type SpliceProblem } from './place.ts';
import { type Dialect, Reading } from './reading.ts';
import type { Quoting } from './tree.ts';

export { EVALUATING_WORDS, type EvaluatingWords } from './evaluating-words.ts';
export { type PlaceProblem, REFUSED_PLACES, type RefusedPlace, type SpliceProblem } from './place.ts';
export type { Dialect } from './reading.ts';
export { ACTING_VARIABLES, type ActingVariables } from './variables.ts';

/** A variable that the shell has to be given. */
export interface SplicedValue {
  /** `FLOWCTL_VALUE_1` and so on. */
  readonly name: string;
  /** Evaluates to text; to a problem where the value is null, a list or an object. Offsets count in the whole shell text. */
  readonly template: Template;
}

/** Shell text without expressions, and the variables it refers to. */
export interface SplicedShell {
  readonly text: string;
  /** One for each different expression; none for those in comments, which stay as they are. */
  readonly values: readonly SplicedValue[];
}

const NAME = 'FLOWCTL_VALUE_';

/** The first number that no name in the text has. */
function firstNumber(text: string): number {
  let number = 1;
  for (const [, digits = ''] of text.matchAll(/FLOWCTL_VALUE_(\d{1,9})/g))
    number = Math.max(number, Number(digits) + 1);
  return number;
}

/** How the variable is referred to, so that the shell neither splits nor expands the value. */
function reference(name: string, quoting: Quoting): string {
  switch (quoting) {
    case 'bare':
      return `"$${name}"`;
    case 'single':
      return `'"$${name}"'`;
    case 'double':
    case 'heredoc':
      return `\${${name}}`;
  }
}

/** Gives each refused expression the name of a variable of its own. */
function nameVariables(): (marker: Marker) => PlaceProblem['variable'] {
  const names = new Map<string, string>();
  const last = new Map<string, number>();
  return ({ source }) => {
    let name = names.get(source);
    if (name === undefined) {
      const suggested = suggestVariable(source);
      const number = (last.get(suggested) ?? 0) + 1;
      last.set(suggested, number);
      name = number === 1 ? suggested : `${suggested}_${number}`;
      names.set(source, name);
    }
    return { name, value: source };
  };
}

/**
 * Replaces the expressions of a shell text by references to variables, in time linear in its length.
 * @param text the text of `run:`; every `${{ ... }}` in it is an expression, in comments too, where it is left alone.
 * @param dialect the shell that will run it: `sh` for `/bin/sh`, whichever that is, or `bash`.
 * @returns the text to run and the variables to put into its environment, or every problem, in order. A text without expressions
 * comes back as it is, unread.
 */
export function spliceShell(text: string, dialect: Dialect): Result<SplicedShell, readonly SpliceProblem[]> {
  const found = findMarkers(text);
  if (!found.ok) return err([found.error]);
  const markers = found.value;
  if (markers.length === 0) return ok({ text, values: [] });
  const reading = new Reading(text, dialect, markers, readList);
  const list = readList(reading);
  if (!reading.isAtEnd) reading.stop();
  const { decisions } = new Judge(list, reading);
  const comments = new Set(reading.comments);
  const problems: SpliceProblem[] = [];
  const names = new Map<string, SplicedValue>();
  const variableFor = nameVariables();
  const first = firstNumber(text);
  let spliced = '';
  let read = 0;
  for (const [index, marker] of markers.entries()) {
    if (comments.has(index)) continue;
    const { source, offset, length, expression } = marker;
    if (!expression.ok) {
      problems.push(...expression.error);
      continue;
    }
    const unreached = { place: reading.stoppedFor, ...(reading.stoppedBy === null ? {} : { word: reading.stoppedBy }) };
    const decision = decisions.get(index) ?? { quoting: 'bare', refusal: unreached };
    if (decision.refusal !== null) {
      problems.push(describeRefusal(decision.refusal, { offset, length }, variableFor(marker)));
      continue;
    }
    const value = names.get(source) ?? {
      name: `${NAME}${first + names.size}`,
      template: { kind: 'mixed', parts: [expression.value] },
    };
    names.set(source, value);
    spliced += text.slice(read, offset) + reference(value.name, decision.quoting);
    read = offset + length;
  }
  if (problems.length > 0) return err(problems);
  return ok({ text: spliced + text.slice(read), values: [...names.values()] });
}
