/** `flowctl graph`. */

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { assertNever } from '../../base/result.ts';
import { describeProblem, StateError } from '../../store/problem.ts';
import { loadOrComplain } from '../flow-file.ts';
import { type FlowGraph, flowGraph } from '../graph/flow-graph.ts';
import { dotText, mermaidText } from '../graph/markup.ts';
import { runGraph } from '../graph/run-graph.ts';
import { svgText } from '../graph/svg.ts';
import { treeText } from '../graph/tree.ts';
import { detailOf, readNamedRun } from '../read-run.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

/** How a graph can be printed. */
export const GRAPH_FORMATS = ['tree', 'mermaid', 'dot', 'json', 'svg'] as const;
type GraphFormat = (typeof GRAPH_FORMATS)[number];

interface GraphOptions extends GlobalOptions {
  readonly format: GraphFormat;
  readonly profile?: string;
}

const EXAMPLES = `
Examples:
  $ flowctl graph etl.yaml                        steps, each below the last thing it needs
  $ flowctl graph last                            the same for a run, with the states of its steps
  $ flowctl graph etl.yaml --format mermaid       for a README
  $ flowctl graph etl.yaml --format dot | dot -Tpng > etl.png
  $ flowctl graph last --format svg > run.svg
  $ flowctl graph etl.yaml --format json | jq -r '.edges[] | select(.kind == "data") | "\\(.from) -> \\(.to)"'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('graph'))
    .argument('<flow-or-run>', 'a flow file; or a run: an id, the unique beginning of one, or `last`')
    .summary('draw the graph of a flow, or of a run with its states')
    .description(
      'Draws which step comes after which. Solid lines: one step needs the other. Dashes: it reads outputs of a step further up. ' +
        'Members of groups, steps of sub-flows and handlers stand with what they belong to. JSON: {nodes: [{id, kind, parent?, handler?, map?, ' +
        'state?, items?}], edges: [{from, to, kind}]}, kinds of edges `needs`, `data` and `files`. No code is loaded for a flow in YAML; the top ' +
        'level of a flow that is a module itself is run.',
    )
    .option('--format <format>', GRAPH_FORMATS.join(', '), readFormat, 'tree')
    .option('--profile <name>', 'lay a profile of flowctl.config.yaml over the flow')
    .addHelpText('after', EXAMPLES)
    .action(graph);
}

function readFormat(text: string): GraphFormat {
  const format = GRAPH_FORMATS.find((known) => known === text);
  if (format === undefined) throw new UsageError(`\`--format ${text}\`: expected one of ${GRAPH_FORMATS.join(', ')}`);
  return format;
}

/** What is to be drawn. */
interface Subject {
  readonly name: string;
  readonly title: string;
  readonly drawn: FlowGraph;
}

async function graph(text: string, options: GraphOptions): Promise<void> {
  const session = openSession(options);
  const isRun = text === 'last' || (/^\d/.test(text) && !existsSync(text));
  const subject = isRun
    ? await runSubject(session, options, text)
    : await flowSubject(session, text, options.profile ?? null);
  if (subject !== null) await session.stdout.writeAll(textOf(subject, options.format, session));
}

function textOf({ name, title, drawn }: Subject, format: GraphFormat, session: Session): string {
  switch (format) {
    case 'tree':
      return treeText(drawn, title, session.style);
    case 'mermaid':
      return mermaidText(drawn);
    case 'dot':
      return dotText(drawn, name);
    case 'json':
      return `${JSON.stringify(drawn, null, 2)}\n`;
    case 'svg':
      return svgText(drawn, title);
    default:
      return assertNever(format, 'format');
  }
}

async function flowSubject(session: Session, file: string, profile: string | null): Promise<Subject | null> {
  const flow = await loadOrComplain(session, file, profile);
  if (flow === null) return null;
  const { name } = flow.definition;
  return { name, title: name, drawn: flowGraph(flow.definition, null) };
}

async function runSubject(session: Session, options: GraphOptions, text: string): Promise<Subject> {
  const run = await readNamedRun(stateToRead(session, options), text);
  const { frozen, problem, layout } = run;
  // The record alone does not know what a step does.
  if (!frozen.ok) throw new StateError(frozen.error);
  if (problem !== null) session.mention(`warning: ${describeProblem(problem)}; what is shown is older`);
  const steps = (await detailOf(run, Date.now()))?.steps ?? [];
  const { definition } = frozen.value;
  const { name } = definition;
  return { name, title: `${name}, run ${layout.place.id}`, drawn: await runGraph(run, definition, steps) };
}
