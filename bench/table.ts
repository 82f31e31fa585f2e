/** Figures as lines of a terminal. */

import type { Figure } from './area.ts';

/** One figure. */
export function line(figure: Figure): string {
  const name = figure.name.padEnd(44);
  if ('absent' in figure) return `  ${name} left out: ${figure.absent}`;
  const note = figure.note === undefined ? '' : `   ${figure.note}`;
  if ('exponent' in figure) {
    const points = figure.points.map(([size, value]) => `${size}: ${value.toFixed(0)}`).join(', ');
    return `  ${name} exponent ${figure.exponent.toFixed(2)}, top ${figure.topExponent.toFixed(2)}   (${points} ${figure.unit})${note}`;
  }
  const goal =
    figure.goal === null
      ? ''
      : `   goal ${Number(figure.goal.toFixed(2))}${figure.ratio <= figure.goal ? ' (met)' : ''}`;
  const memory = `${(figure.peakKb / 1_024).toFixed(0)} MB`;
  const ratio =
    figure.name === figure.reference
      ? 'reference     '
      : `x ${figure.ratio.toFixed(2)} (best ${figure.best.toFixed(2)})`;
  const time = `${figure.wallMs.toFixed(figure.wallMs < 10 ? 1 : 0)} ms`;
  return `  ${name} ${ratio.padEnd(22)} cpu x ${figure.cpuRatio.toFixed(2)}   ${time}   ${memory}${goal}${note}`;
}
