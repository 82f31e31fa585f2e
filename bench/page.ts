/** `docs/performance.md` and the figures of the README, from a report. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './area.ts';
import { type Goal, GOALS } from './goals.ts';
import type { Row } from './protocol.ts';
import type { Report } from './report.ts';

declare const REPOSITORY: string;

/** Where the README has its figures. */
const MARKS = { begin: '<!-- figures: npm run bench -- --page -->', end: '<!-- end of figures -->' };
const GIGABYTE = 1_073_741_824;

/** Writes both. @throws {Error} when the README has no place for figures. */
export function writePage(report: Report): void {
  writeFileSync(join(REPOSITORY, 'docs', 'performance.md'), performancePage(report));
  const readme = join(REPOSITORY, 'README.md');
  const text = readFileSync(readme, 'utf8');
  const [from, to] = [text.indexOf(MARKS.begin), text.indexOf(MARKS.end)];
  if (from === -1 || to < from) throw new Error(`README.md has no ${MARKS.begin}`);
  const figures = readmeFigures(report);
  writeFileSync(readme, `${text.slice(0, from)}${MARKS.begin}\n${figures}\n${text.slice(to)}`);
}

/** The page. */
export function performancePage(report: Report): string {
  const told = new Set<Figure>();
  const goals = GOALS.map((goal) => goalSection(goal, figuresOf(report, goal), told));
  const others = report.areas
    .flatMap(({ figures }) => figures)
    .filter((figure) => !told.has(figure) && !isReference(figure));
  return `${[
    '# How fast it is',
    '',
    `Written by \`npm run bench -- --page\` from what \`npm run bench\` measured, ${sizes(report)}, on a machine with ${machine(report)}.`,
    ...busy(report),
    '',
    'Every figure is a ratio to a reference that was measured in the same rounds, one after the other, the order turned round each time: below 1 is',
    'faster than the reference. *Wall* is the median of the rounds, *best* the best of them, *CPU* the ratio of processor times. Only ratios hold on another',
    'machine. Goals are aims: a missed one stays here, with what the time goes to. How each is measured is in `bench/README.md`; to repeat it:',
    '',
    '```console',
    '$ npm ci',
    '$ npm run bench -- --full',
    '$ npm run bench -- peers',
    '$ npm run bench -- --page',
    '```',
    '',
    '| | goal | where it stands |',
    '|---|---|---|',
    ...GOALS.map((goal) => summary(goal, figuresOf(report, goal))),
    '',
    ...goals,
    ...(others.length === 0 ? [] : ['## What else is measured', '', ...table(others), '']),
  ].join('\n')}`;
}

const machine = ({ machine: { cores, memory }, node }: Report): string =>
  `${cores} cores, ${Math.round(memory / GIGABYTE)} GB of memory and Node ${node.replace(/\.\d+$/, '')}`;

const sizes = ({ areas }: Report): string =>
  areas.every(({ full }) => full)
    ? 'with its larger sizes (`--full`)'
    : 'not all of it with its larger sizes (`--full`)';

/** What a reader has to know of a machine that had other work. */
function busy({ areas, machine: { cores } }: Report): readonly string[] {
  const most = Math.max(...areas.map(({ load }) => load));
  // What is measured is work as well, of two processes at once and the one that asks.
  if (most <= 2 * cores) return [];
  return [
    `**The machine had other work**: up to ${most.toFixed(0)} programs wanted its ${cores} cores. Then times are those of waiting, above all where processes take turns,`,
    'and the CPU column and the best round say more than the median.',
  ];
}

function figuresOf(report: Report, { figures: wanted }: Goal): readonly Figure[] {
  return report.areas.flatMap(({ name, figures }) =>
    figures.filter(
      (figure) => !isReference(figure) && wanted.some((each) => each.area === name && each.name.test(figure.name)),
    ),
  );
}

const isReference = (figure: Figure): boolean => 'reference' in figure && figure.name === figure.reference;

function goalSection(goal: Goal, figures: readonly Figure[], told: Set<Figure>): string {
  for (const figure of figures) told.add(figure);
  const missed = figures.some((figure) => met(figure) === false);
  return [
    `## ${goal.area[0]?.toUpperCase() ?? ''}${goal.area.slice(1)}`,
    '',
    `Goal: ${goal.goal}, where 1 is ${goal.reference}.${goal.peer === '' ? '' : ` Others: ${goal.peer}.`} How: ${goal.technique}.`,
    '',
    ...(figures.length === 0 ? ['Nothing measured this.'] : table(figures)),
    ...(missed && goal.limit !== undefined ? ['', goal.limit] : []),
    '',
  ].join('\n');
}

/** One line of the table at the top. */
function summary({ area, goal }: Goal, figures: readonly Figure[]): string {
  const texts = figures.flatMap((figure) => {
    const isMet = met(figure);
    if (isMet === null || !('ratio' in figure)) return [];
    const against = figure.note?.startsWith('against ') === true ? `, ${figure.note}` : '';
    return [`${figure.name.replaceAll('|', '\\|')}${against}: ${number(figure.ratio)}, ${isMet ? 'met' : 'missed'}`];
  });
  const without = figures.length === 0 ? 'not measured' : 'below';
  return `| ${area} | ${goal.replaceAll('|', '\\|')} | ${texts.length === 0 ? without : texts.join('; ')} |`;
}

/** Null where the figure itself has no goal. */
function met(figure: Figure): boolean | null {
  return 'ratio' in figure && figure.goal !== null ? figure.ratio <= figure.goal : null;
}

function table(figures: readonly Figure[]): readonly string[] {
  return ['| | wall | best | CPU | goal | |', '|---|---|---|---|---|---|', ...figures.map(tableRow)];
}

function tableRow(figure: Figure): string {
  const name = figure.name.replaceAll('|', '\\|');
  if ('absent' in figure) return `| ${name} | | | | | not measured: ${figure.absent} |`;
  if ('exponent' in figure) {
    const exponent = `grows with the power ${figure.topExponent.toFixed(2)}`;
    return `| ${name} | | | | | ${[exponent, figure.note].filter((text) => text !== undefined).join('; ')} |`;
  }
  const isMet = met(figure);
  const goal = figure.goal === null ? '' : `${number(figure.goal)}${isMet === true ? ', met' : ', missed'}`;
  return `| ${name} | ${number(figure.ratio)} | ${number(figure.best)} | ${number(figure.cpuRatio)} | ${goal} | ${figure.note?.replaceAll('|', '\\|') ?? ''} |`;
}

/** Two decimals, more where it would be nothing. */
const number = (value: number): string =>
  Number.isFinite(value) ? String(Math.abs(value) < 0.1 ? Number(value.toPrecision(2)) : Number(value.toFixed(2))) : '';

/** What the README shows of it: who, against what, how much. */
const SHOWN: readonly {
  readonly area: string;
  readonly name: RegExp;
  readonly reference: RegExp;
  readonly says: string;
}[] = [
  { area: 'cold start', name: /^--version$/, reference: /./, says: '`flowctl --version`, against `node -e 0`' },
  {
    area: 'cold start',
    name: /^runs, of/,
    reference: /./,
    says: '`flowctl runs` in a project with 100,000 runs, against `node -e 0`',
  },
  { area: 'cold start', name: /^run, one step$/, reference: /./, says: 'a whole run of one step, against `node -e 0`' },
  {
    area: 'shell steps',
    name: /^flowctl, wide, durability full$/,
    reference: /./,
    says: '1,000 shell steps, each start and end on disk, against a C loop of `sh -c :`',
  },
  {
    area: 'shell steps',
    name: /^parallel -P2, wide$/,
    reference: /./,
    says: 'GNU parallel, which records nothing, against the same loop',
  },
  {
    area: 'peers',
    name: /^flowctl, python steps, 40/,
    reference: /^prefect/,
    says: '40 small Python tasks one after the other, against Prefect 3',
  },
  {
    area: 'peers',
    name: /^flowctl, TypeScript, 40/,
    reference: /^prefect/,
    says: '40 small TypeScript tasks, against the same Python tasks in Prefect 3',
  },
  {
    area: 'logs',
    name: /^a step, /,
    reference: /./,
    says: 'the log of a step that prints gigabytes, against `> file`',
  },
];

function readmeFigures(report: Report): string {
  const rows = report.areas.flatMap(({ figures }) => figures).filter((figure): figure is Row => 'ratio' in figure);
  const lines = SHOWN.flatMap(({ area, name, reference, says }) => {
    const row = rows.find((each) => each.area === area && name.test(each.name) && reference.test(each.reference));
    return row === undefined
      ? []
      : [`| ${says} | ${number(row.ratio)} | ${number(row.best)} | ${number(row.cpuRatio)} |`];
  });
  const told = busy(report).length === 0 ? [] : ['', ...busy(report)];
  return ['| | wall | best | CPU |', '|---|---|---|---|', ...lines, ...told].join('\n');
}
