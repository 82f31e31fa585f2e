/**
 * What plain output adds under GitHub Actions: for every step that failed a folded group with the end of its log, and an error that
 * the page shows at the step's line in the flow file. Workflow commands as in "Workflow commands for GitHub Actions" (docs.github.com)
 * and `ActionCommand.cs` of the runner: `::name key=value::data` at the beginning of a line, and, older, `##[name]` anywhere in one.
 */

import type { StepKey } from '../base/ids.ts';
import type { StepSettled } from '../model/event.ts';
import type { Observer } from './hub.ts';
import { withoutControls } from './terminal-filter.ts';

/** Where a step is written: the file as GitHub knows it, below the repository's folder, and its line. */
export interface StepPlace {
  readonly file: string;
  readonly line: number | null;
}

/** What annotations are made from. */
export interface AnnotationParts {
  readonly write: (text: string) => void;
  /** Asked for steps that failed only. */
  readonly placeOf: (step: StepKey) => StepPlace;
  /** The last lines of an attempt's log; null when it printed nothing. */
  readonly logEnd: (step: StepKey, attempt: number) => string | null;
  /** A text that nobody can guess, another one at every call. */
  readonly token: () => string;
}

/** Writes a group and an error for each step that failed and was not allowed to. Each is one write, so that it is whole or missing. */
export function createAnnotationObserver(parts: AnnotationParts): Observer {
  /** The last attempts of steps that may yet fail. */
  const attempts = new Map<StepKey, number>();
  return {
    name: 'annotations',
    observe(event) {
      if (event.type === 'attempt.finished') {
        if (event.outcome === 'succeeded') attempts.delete(event.step);
        else attempts.set(event.step, event.attempt);
      } else if (event.type === 'step.settled') {
        if (event.state === 'failed' && !event.tolerated)
          parts.write(annotation(event, attempts.get(event.step) ?? null, parts));
        attempts.delete(event.step);
      }
    },
  };
}

function annotation({ step, error }: StepSettled, attempt: number | null, parts: AnnotationParts): string {
  const { placeOf, logEnd, token } = parts;
  const message = withoutControls(error?.message ?? 'failed');
  const { file, line } = placeOf(step);
  const end = attempt === null ? null : logEnd(step, attempt);
  const properties = [`file=${escapedProperty(file)}`, `title=${escapedProperty(`step ${step} failed`)}`];
  if (line !== null) properties.splice(1, 0, `line=${line}`);
  const group =
    end === null
      ? ''
      : `::group::${escapedData(`the end of what ${step} printed`)}\n${unobeyed(end, token())}::endgroup::\n`;
  return `${group}::error ${properties.join(',')}::${escapedData(message)}\n`;
}

/**
 * Text in which the runner obeys no workflow command, as whole lines.
 * @param token resumes the obeying; must be impossible to guess for whoever wrote the text.
 */
export const unobeyed = (text: string, token: string): string =>
  `::stop-commands::${token}\n${text.endsWith('\n') ? text : `${text}\n`}::${token}::\n`;

/** One line that begins with something of ours and may hold a text of others: the older form of a command is taken apart. */
export const withoutOldCommands = (line: string): string => line.replaceAll('##[', '## [');

const escapedData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapedProperty = (text: string): string => escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
