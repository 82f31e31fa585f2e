/**
 * A measurement against an earlier one: ratios of ratios, since times of two days say nothing. Slower is what is slower by more than both
 * measurements spread: the better half of its rounds lies above the worse half of the earlier ones.
 */

import type { Figure } from './area.ts';
import { median, type Row } from './protocol.ts';
import type { Report } from './report.ts';

/** A growth whose exponent rose by less is none. */
const STEEPER = 0.1;

/** The lines of a comparison; at their end what got slower. */
export function comparison(now: Report, before: Report): readonly string[] {
  const earlier = new Map(before.areas.flatMap(({ figures }) => figures.map((figure) => [keyOf(figure), figure])));
  const lines = [
    `against ${commits(before)}, Node ${before.node}; x 1 is no difference`,
    `  ${''.padEnd(64)} wall    cpu     spread of the wall`,
  ];
  const slower: string[] = [];
  for (const { figures } of now.areas) {
    for (const figure of figures) {
      const other = earlier.get(keyOf(figure));
      if (other === undefined) continue;
      const change = changeOf(figure, other, figures, siblings(before, other));
      if (change === null) continue;
      lines.push(`  ${`${figure.area}: ${figure.name}`.padEnd(64)} ${change.text}`);
      if (change.isSlower) slower.push(`${figure.area}: ${figure.name}`);
    }
  }
  return [...lines, '', slower.length === 0 ? 'nothing got slower' : `slower: ${slower.join('; ')}`];
}

const keyOf = (figure: Figure): string =>
  [figure.area, figure.name, 'reference' in figure ? figure.reference : ''].join('\n');

const commits = (report: Report): string =>
  [...new Set(report.areas.map(({ commit }) => commit.slice(0, 7)))].join(', ') || 'nothing';

const siblings = (report: Report, figure: Figure): readonly Figure[] =>
  report.areas.find(({ figures }) => figures.includes(figure))?.figures ?? [];

interface Change {
  readonly text: string;
  readonly isSlower: boolean;
}

/** Null for what says nothing: the reference itself, what is missing in one of them. */
function changeOf(now: Figure, before: Figure, all: readonly Figure[], allBefore: readonly Figure[]): Change | null {
  if ('exponent' in now && 'exponent' in before) {
    const text = `exponent ${before.topExponent.toFixed(2)} -> ${now.topExponent.toFixed(2)}`;
    return { text, isSlower: now.topExponent > before.topExponent + STEEPER };
  }
  if (!('ratio' in now) || !('ratio' in before) || now.name === now.reference) return null;
  const [rounds, roundsBefore] = [ratiosOf(now, all), ratiosOf(before, allBefore)];
  const [low, high] = [quarter(rounds, 0.25), quarter(rounds, 0.75)];
  const [lowBefore, highBefore] = [quarter(roundsBefore, 0.25), quarter(roundsBefore, 0.75)];
  const times = (one: number, other: number): string => `x ${(one / other).toFixed(2)}`.padEnd(7);
  const spread =
    rounds.length > 1 ? `${times(low, highBefore).trim()} to ${times(high, lowBefore).trim()}` : 'one round';
  return {
    text: `${times(median(rounds), median(roundsBefore))} ${times(now.cpuRatio, before.cpuRatio)} ${spread}`,
    isSlower: rounds.length > 1 && low > highBefore,
  };
}

/** A row's ratio in each round; only the median where its reference was not kept. */
function ratiosOf(row: Row, all: readonly Figure[]): readonly number[] {
  const reference = all.find(
    (figure): figure is Row => 'ratio' in figure && figure.name === row.reference && figure.name === figure.reference,
  );
  const samples = reference?.samples ?? [];
  if (samples.length !== row.samples.length || samples.length === 0) return [row.ratio];
  return row.samples.map(({ wallMs }, round) => wallMs / (samples[round]?.wallMs ?? Number.NaN));
}

function quarter(values: readonly number[], at: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.round((sorted.length - 1) * at)] ?? Number.NaN;
}
