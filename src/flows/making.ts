/** Making tasks and flows: where they are made, and that no two of one name meet. */

import { currentConductor, type RegisteredFlow, type RegisteredTask, registry } from './conductor.ts';

/** The file of a stack's frame, or null. */
const fileOf = (frame: string): string | null => /\(?((?:file:\/\/)?\/[^():]+):\d+:\d+\)?$/.exec(frame)?.[1] ?? null;

/** Where the code stands that called the library, `file:line:column`. Files beside this one are the library's own. */
export function placeOfCaller(): string {
  const frames = (new Error().stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const folderOf = (frame: string): string | null => fileOf(frame)?.replace(/[^/]*$/, '') ?? null;
  const own = folderOf(frames[0] ?? '');
  const caller = frames.find((frame) => fileOf(frame) !== null && folderOf(frame) !== own);
  return /\(?((?:file:\/\/)?\/[^()]+)\)?$/.exec(caller ?? '')?.[1]?.replace(/^file:\/\//, '') ?? 'an unknown place';
}

/** Refuses to make something inside a flow function: it has to be found by name where the flow's module was only loaded. */
export function refuseInsideFlow(what: string): void {
  if (currentConductor() === null) return;
  throw new Error(
    `${what} is made inside a flow function or a task: make it at the top of a module, so that it can be found where it runs`,
  );
}

/** Adds a task or flow to those of this thread; one made again at the same place takes the place of the one before. */
export function register<Made extends RegisteredTask | RegisteredFlow>(
  kind: 'task' | 'flow',
  made: Made,
  to: Made[],
): void {
  const name = made.name.toLowerCase();
  const index = to.findIndex((other) => other.module === made.module && other.name.toLowerCase() === name);
  const other = to[index];
  if (other === undefined) {
    to.push(made);
    return;
  }
  if (other.place !== made.place) {
    const both =
      other.name === made.name
        ? `two ${kind}s are named \`${made.name}\``
        : `the ${kind}s \`${other.name}\` and \`${made.name}\` differ only in case`;
    throw new Error(`${both}: at ${other.place} and at ${made.place}`);
  }
  to[index] = made;
}

/** Adds a task. */
export function registerTask(task: RegisteredTask): void {
  const own = fileOf((new Error().stack ?? '').split('\n').find((line) => /^\s+at /.test(line)) ?? '');
  if (own !== null) registry().libraries.add(own);
  register('task', task, registry().tasks);
}

/** Adds a flow. */
export const registerFlow = (flow: RegisteredFlow): void => register('flow', flow, registry().flows);
