/** What `flowctl doctor` says. */

import { withoutControls } from '../../observers/terminal-filter.ts';
import type { Severity } from '../../store/checkup/finding.ts';
import type { StateLayout } from '../../store/layout.ts';
import type { Style } from '../style.ts';
import type { Checkup, Told } from './checkup.ts';

/** The worst first. */
const ORDER: readonly Severity[] = ['permission', 'damage', 'warning', 'note'];

const sorted = (told: readonly Told[]): readonly Told[] =>
  ORDER.flatMap((severity) => told.filter(({ found }) => found.severity === severity));

/** For programs. */
export function checkupJson(state: StateLayout, { runs, told }: Checkup): string {
  const findings = sorted(told).map(({ found: { mend, ...facts }, end }) => ({
    ...facts,
    mend: mend?.what ?? null,
    mended: end === 'mended',
    failed: typeof end === 'object' ? end.failed : null,
  }));
  return `${JSON.stringify({ state: state.root, runs, findings }, null, 2)}\n`;
}

/** For people: everything that was found, then how many. @param fixing what can be mended was. */
export function checkupText(state: StateLayout, checkup: Checkup, fixing: boolean, style: Style): string {
  const lines = sorted(checkup.told).flatMap((told) => linesOf(told, fixing, style));
  return [...lines, summary(state, checkup, fixing), ''].join('\n');
}

function linesOf({ found, end }: Told, fixing: boolean, { diagnostics, faint }: Style): readonly string[] {
  const { severity, message, file, offset, run, help, mend } = found;
  const word = { permission: 'error', damage: 'error', warning: 'warning', note: 'note' }[severity];
  const paint = severity === 'note' ? faint : severity === 'warning' ? diagnostics.warning : diagnostics.error;
  const place = file === null ? null : `${file}${offset === null ? '' : ` at byte ${offset}`}`;
  const about = place ?? (run === null ? null : `run ${run}`);
  const lines = [`${paint(word)}: ${about === null ? '' : `${withoutControls(about)}: `}${withoutControls(message)}`];
  if (help !== null && end !== 'mended') lines.push(`  ${diagnostics.help('help')}: ${help}`);
  if (mend === null) return lines;
  if (end === 'mended') lines.push(`  done: ${mend.what}`);
  else if (end === 'busy') lines.push(`  left, for somebody else is at it: ${mend.what}`);
  else if (typeof end === 'object') lines.push(`  failed: ${mend.what}: ${withoutControls(end.failed)}`);
  else if (!fixing) lines.push(`  --fix: ${mend.what}`);
  return lines;
}

const counted = (count: number, one: string): string => `${count} ${count === 1 ? one : `${one}s`}`;

function summary({ root }: StateLayout, { runs, told }: Checkup, fixing: boolean): string {
  const left = told.filter(({ end }) => end !== 'mended');
  const count = (...severities: readonly Severity[]): number =>
    left.filter(({ found }) => severities.includes(found.severity)).length;
  const parts = [
    counted(count('permission', 'damage'), 'error'),
    counted(count('warning'), 'warning'),
    counted(count('note'), 'note'),
  ].filter((part) => !part.startsWith('0 '));
  const mended = told.length - left.length;
  const mendable = left.filter(({ found }) => found.mend !== null).length;
  const more = mended > 0 ? `, ${mended} mended` : !fixing && mendable > 0 ? `; \`--fix\` mends ${mendable}` : '';
  return `${counted(runs, 'run')} in ${root}: ${parts.length === 0 ? 'all is well' : parts.join(', ')}${more}`;
}
