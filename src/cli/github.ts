/** What GitHub Actions has of its own: workflow commands in the log, and places of steps as the page of a commit knows them. */

import { randomUUID } from 'node:crypto';
import { isAbsolute, relative } from 'node:path';
import type { StepKey } from '../base/ids.ts';
import { outlineOf } from '../load/outline.ts';
import { parseYaml } from '../load/parse-yaml.ts';
import { readFlowText } from '../load/read.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { createAnnotationObserver, type StepPlace, unobeyed } from '../observers/annotations.ts';
import type { Observer } from '../observers/hub.ts';
import type { Session } from './session.ts';

/** True in a job of GitHub Actions, whose runner reads everything that is printed. */
export const isUnderGitHub = ({ environment }: Session): boolean => environment['GITHUB_ACTIONS'] === 'true';

/** Text that may hold lines of a step's log: under GitHub Actions no workflow command in it is obeyed. */
export const forRunner = (session: Session, text: string): string =>
  isUnderGitHub(session) && text !== '' ? unobeyed(text, randomUUID()) : text;

/** Groups and errors for the steps that fail. */
export async function annotationsOf(
  session: Session,
  definition: FlowDefinition,
  logEnd: (step: StepKey, attempt: number) => string | null,
): Promise<Observer> {
  const { stdout, environment } = session;
  const file = repositoryPath(definition.file, environment['GITHUB_WORKSPACE']);
  const lines = await stepLines(definition.file);
  return createAnnotationObserver({
    write: (text) => stdout.write(text),
    placeOf: (step): StepPlace => ({ file, line: lines.get(topOf(step)) ?? null }),
    logEnd,
    token: randomUUID,
  });
}

/** The step of the flow file that an item, a member or a step of a sub-flow belongs to. */
const topOf = (step: StepKey): string => /^[^[/]*/.exec(step)?.[0] ?? step;

function repositoryPath(file: string, workspace: string | undefined): string {
  if (workspace === undefined || workspace === '') return file;
  const inside = relative(workspace, file);
  return inside.startsWith('..') || isAbsolute(inside) ? file : inside;
}

/** The line of every step. Definitions carry no places, so the file is read once more; none when that is no longer possible. */
async function stepLines(file: string): Promise<ReadonlyMap<string, number>> {
  const read = await readFlowText(file, file);
  if (read.kind !== 'read') return new Map();
  const { root } = parseYaml(read.source);
  if (root === null) return new Map();
  return new Map(
    outlineOf(root).steps.map(({ name, nameSpan }) => [name, read.source.positionAt(nameSpan.start).line]),
  );
}
