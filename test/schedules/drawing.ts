/** Random schedules from a seed. */

import { seeded } from '../kit/seeded.ts';

/** Zones with every kind of change, and with none. */
export const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Europe/London',
  'America/Sao_Paulo',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Pacific/Auckland',
  'America/St_Johns',
  'Africa/Cairo',
  'Asia/Tehran',
] as const;

/** A whole number from 0 up to, not including, a bound. */
export type Draw = (below: number) => number;

/** Draws from a seed. */
export function drawing(seed: number): Draw {
  const draw = seeded(seed);
  return (below) => Math.floor(draw() * below);
}

const pick = <T>(draw: Draw, ...choices: readonly [T, ...T[]]): T => choices[draw(choices.length)] ?? choices[0];

function field(draw: Draw, least: number, most: number): string {
  const value = (): number => least + draw(most - least + 1);
  const range = (): string => {
    const [one, other] = [value(), value()].sort((a, b) => a - b);
    return `${one}-${other}`;
  };
  switch (draw(7)) {
    case 0:
      return '*';
    case 1:
      return `*/${1 + draw(Math.max(1, Math.floor((most - least) / 2)))}`;
    case 2:
      return range();
    case 3:
      return `${range()}/${1 + draw(5)}`;
    case 4:
      return [value(), value(), value()].join(',');
    default:
      return String(value());
  }
}

/** A cron expression of five fields, or six. */
export function drawCron(draw: Draw): string {
  const day = draw(3) === 0 ? pick(draw, 'L', field(draw, 1, 31)) : '*';
  // croniter takes `#` alone, without a day of the month.
  const nth = day === '*' ? `${draw(7)}#${1 + draw(4)}` : `${draw(7)}`;
  const weekday = draw(3) === 0 ? pick(draw, field(draw, 0, 6), 'MON-FRI', nth) : '*';
  const month = draw(4) === 0 ? field(draw, 1, 12) : '*';
  const fields = [field(draw, 0, 59), pick(draw, field(draw, 0, 23), '*', '1', '2', '3'), day, month, weekday];
  return (draw(6) === 0 ? [field(draw, 0, 59), ...fields] : fields).join(' ');
}

/** A recurrence rule without UNTIL. */
export function drawRecurrence(draw: Draw): string {
  const frequency = pick(draw, 'YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'DAILY', 'HOURLY', 'MINUTELY');
  const days = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
  const parts = [`FREQ=${frequency}`];
  const some = (name: string, least: number, most: number): void => {
    if (draw(4) === 0)
      parts.push(`${name}=${[...new Set([least + draw(most - least + 1), least + draw(most - least + 1)])].join(',')}`);
  };
  if (draw(2) === 0) parts.push(`INTERVAL=${1 + draw(6)}`);
  if (draw(5) === 0) parts.push(`COUNT=${1 + draw(40)}`);
  if (draw(3) === 0) {
    const ordinal = frequency === 'MONTHLY' || (frequency === 'YEARLY' && draw(2) === 0);
    parts.push(`BYDAY=${ordinal ? pick(draw, '', '1', '2', '-1') : ''}${pick(draw, ...days)}`);
  }
  some('BYMONTH', 1, 12);
  if (frequency === 'MONTHLY' || frequency === 'DAILY') some('BYMONTHDAY', 1, 28);
  if (frequency !== 'HOURLY' && frequency !== 'MINUTELY') some('BYHOUR', 0, 5);
  if (frequency !== 'MINUTELY') some('BYMINUTE', 0, 59);
  return parts.join(';');
}
