/** `flowctl deployments`. */

import type { Command } from 'commander';
import type { Deployment } from '../../model/deployment.ts';
import { nextLook } from '../../schedules/due.ts';
import { Timetables } from '../../schedules/timetables.ts';
import { unwrap } from '../../store/problem.ts';
import { readProjectDocument } from '../../store/project-document.ts';
import type { StateLayout } from '../../store/layout.ts';
import { readMemory } from '../../store/trigger-memory.ts';
import { counted } from '../../diagnostics/phrase.ts';
import { sourceText } from '../../events/drafts.ts';
import { byWhom } from '../actor.ts';
import { deploymentOrComplain } from '../deployed-run.ts';
import { type GlobalOptions, openSession, type Session, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';
import { table } from '../table.ts';
import { tickText } from '../tick-text.ts';

interface DeploymentsOptions extends GlobalOptions {
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl deployments
  $ flowctl deployments nightly               its versions, and what was due lately
  $ flowctl deployments --json | jq -r '.[] | select(.paused != null) | .name'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('deployments'))
    .argument('[deployment]', 'the name of one, to see its versions')
    .summary('list deployments, or show one')
    .description(
      'Lists the deployments of the project: version, when the next run is due or what begins one, and what came of the last one that was.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(deployments);
}

async function deployments(name: string | undefined, options: DeploymentsOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const timetables = new Timetables();
  const view = (each: Deployment) => {
    const next = nextLook(each, timetables.of(each), Date.now());
    return { ...each, next: next === null ? null : new Date(next).toISOString() };
  };
  if (name !== undefined) {
    const found = await deploymentOrComplain(session, state, name);
    if (found === null) return;
    const text =
      options.json === true
        ? `${JSON.stringify(view(found), null, 2)}\n`
        : oneText(view(found), await waitingEvents(state, found), session);
    await session.stdout.writeAll(text);
    return;
  }
  const { deployments: all } = unwrap(await readProjectDocument(state));
  const views = Object.values(all).map(view);
  if (options.json === true) await session.stdout.writeAll(`${JSON.stringify(views, null, 2)}\n`);
  else if (views.length === 0) session.stdout.write('nothing is deployed: flowctl deploy <flow>\n');
  else await session.stdout.writeAll(listText(views, session));
}

type View = Deployment & { readonly next: string | null };

function nextText({ paused, next, triggers = [] }: View): string {
  if (paused !== null) return 'paused';
  const isWatching = triggers.some(({ definition }) => definition.active);
  return (next ?? (isWatching ? 'on an event' : 'never')).replace('.000Z', 'Z');
}

function listText(views: readonly View[], { style }: Session): string {
  const head = ['deployment', 'version', 'next', 'last', 'flow'].map((text) => ({ text, paint: style.faint }));
  const rows = views.map((each) => {
    const last = each.ticks.at(-1);
    const cells = [each.name, String(each.version), nextText(each), last?.outcome ?? '', each.flow];
    return cells.map((text) => ({ text }));
  });
  return table([head, ...rows]);
}

function triggerLines({ triggers = [] }: View, count: number): readonly string[] {
  if (triggers.length === 0) return [];
  const lines = triggers.map(
    ({ definition: { source, active } }) => `  ${sourceText(source)}${active ? '' : ' (not active)'}`,
  );
  return ['triggers:', ...lines, ...(count === 0 ? [] : [`${counted(count, 'event')} wait${count === 1 ? 's' : ''}`])];
}

/** How many events wait: in the deployment's queue, or for room in it. What cannot be read is told by who looks at it. */
async function waitingEvents(state: StateLayout, { triggers = [], queue, taken = [] }: Deployment): Promise<number> {
  const waiting = new Set(queue.flatMap(({ event }) => event?.id ?? []));
  for (const { id } of triggers) {
    const memory = await readMemory(state, id);
    for (const { event } of memory.ok ? memory.value.waiting : []) if (!taken.includes(event.id)) waiting.add(event.id);
  }
  return waiting.size;
}

function oneText(view: View, waiting: number, { style }: Session): string {
  const lines = [
    `${style.strong(view.name)}, version ${view.version} of ${view.flow}`,
    `next: ${nextText(view)}`,
    ...triggerLines(view, waiting),
    ...(Object.keys(view.params).length > 0 ? [`params: ${JSON.stringify(view.params)}`] : []),
    'versions:',
    ...view.versions.map(
      ({ version, hash, deployed_at, by }) => `  ${version}  ${deployed_at}  ${hash.slice(0, 12)}  ${byWhom(by)}`,
    ),
    ...(view.ticks.length > 0
      ? ['lately:', ...view.ticks.slice(-10).map((tick) => `  ${tickText(view.name, tick)}`)]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
