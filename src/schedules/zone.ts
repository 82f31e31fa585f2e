/**
 * Time zones: what clocks show, and when they are changed. The rules come from Intl (the IANA database inside Node); the search for
 * changes is our own, for libraries end theirs a few years from now.
 */

/** What a clock on the wall shows, in milliseconds as if it were UTC. Not an instant: some never come, some come twice. */
export type WallTime = number & { readonly __wall: true };

/** The time that a clock shows at an instant if it is that much ahead of UTC. */
export const wallOf = (instant: number, offsetMs: number): WallTime => (instant + offsetMs) as WallTime;

/** A wall time from its parts; `month` from 1. Parts beyond their range roll over, as Date.UTC does. */
export function wallTime(year: number, month: number, day: number, hour = 0, minute = 0, second = 0, ms = 0): WallTime {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; setUTCFullYear does not.
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second, ms));
  return date.setUTCFullYear(year, month - 1, day) as WallTime;
}

/** The instants at which a clock shows a time. */
export type Resolved =
  | { readonly kind: 'once'; readonly instant: number }
  /** It is passed over; `forward`: the instant that comes when the clock had not been changed, so later by the gap. */
  | { readonly kind: 'gap'; readonly forward: number }
  | { readonly kind: 'fold'; readonly first: number; readonly second: number };

/** A time during which the clock is the same distance from UTC. */
export interface Stretch {
  /** Of the stretch, or where the search began within it. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly offsetMs: number;
  /** The offset before `start`; the same one when the search began there. */
  readonly offsetBeforeMs: number;
}

const DAY_MS = 86_400_000;
/**
 * No zone has put its clock forward and back again within less than three weeks since 1970 (the shortest: a month of Ramadan), so equal
 * offsets at both ends of a week mean that nothing happened in it.
 */
const STRIDE_MS = 7 * DAY_MS;
/** More than the largest change of a clock: a whole day, in Samoa in 2011. */
const LARGEST_CHANGE_MS = 26 * 3_600_000;
const LOOK_AHEAD_MS = 365 * DAY_MS;
/** The first instant of the year 2500: nobody's schedule is looked at further. */
export const HORIZON = Date.UTC(2500, 0, 1);

/** Weeks whose offset is kept: those of some years, of one zone. */
const MOST_KEPT = 2_000;

const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** One zone of the IANA database. */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  /** By week since the epoch: its offset, or null where the clock is changed in it. Intl takes microseconds, and is asked the same again and again. */
  readonly #weeks = new Map<number, number | null>();
  static readonly #byName = new Map<string, Zone>();

  private constructor(name: string, format: Intl.DateTimeFormat) {
    this.name = name;
    this.#format = format;
  }

  /** @returns null when there is no zone of that name. Offsets such as `+01:00` are none: a part of the versions of Node refuses them. */
  static named(name: string): Zone | null {
    if (!/^[A-Za-z]/.test(name)) return null;
    const known = Zone.#byName.get(name);
    if (known !== undefined) return known;
    try {
      const zone = new Zone(name, new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' }));
      Zone.#byName.set(name, zone);
      return zone;
    } catch {
      return null;
    }
  }

  /** How much the zone's clock is ahead of UTC at an instant, in milliseconds. */
  offsetAt(instant: number): number {
    const week = Math.floor(instant / STRIDE_MS);
    let offset = this.#weeks.get(week);
    if (offset === undefined) {
      const first = this.#ask(week * STRIDE_MS);
      offset = first === this.#ask((week + 1) * STRIDE_MS) ? first : null;
      if (this.#weeks.size >= MOST_KEPT) this.#weeks.clear();
      this.#weeks.set(week, offset);
    }
    return offset ?? this.#ask(instant);
  }

  #ask(instant: number): number {
    const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] = OFFSET.exec(this.#format.format(instant)) ?? [];
    const amount = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -amount : amount;
  }

  /** When a clock in this zone shows a time. */
  resolve(wall: WallTime): Resolved {
    const before = this.offsetAt(wall - DAY_MS);
    const after = this.offsetAt(wall + DAY_MS);
    const early = wall - before;
    const late = wall - after;
    if (before === after) return { kind: 'once', instant: early };
    const isEarly = this.offsetAt(early) === before;
    const isLate = this.offsetAt(late) === after;
    if (isEarly && isLate) return { kind: 'fold', first: early, second: late };
    if (isEarly) return { kind: 'once', instant: early };
    if (isLate) return { kind: 'once', instant: late };
    return { kind: 'gap', forward: early };
  }

  /**
   * The stretches from an instant on, the first one from there; when the clock was changed so shortly before that times in the gap
   * or the fold still matter, from that change. They also end where nothing changes, so that nobody looks further than needed.
   */
  *stretches(from: number): Generator<Stretch, void, undefined> {
    let start = this.#changeBetween(from - LARGEST_CHANGE_MS, from) ?? from;
    let offsetBeforeMs = this.offsetAt(start < from ? start - 1 : start);
    while (start < HORIZON) {
      const end = this.#changeBetween(start, start + LOOK_AHEAD_MS) ?? start + LOOK_AHEAD_MS;
      const offsetMs = this.offsetAt(start);
      yield { start, end, offsetMs, offsetBeforeMs };
      start = end;
      offsetBeforeMs = offsetMs;
    }
  }

  /** The first change after an instant and not after another, exactly; null when there is none. */
  #changeBetween(after: number, until: number): number | null {
    const offset = this.offsetAt(after);
    let low = after;
    let high = Math.min(low + STRIDE_MS, until);
    while (this.offsetAt(high) === offset) {
      if (high >= until) return null;
      low = high;
      high = Math.min(high + STRIDE_MS, until);
    }
    // Clocks are changed at whole seconds.
    let [early, late] = [Math.floor(low / 1_000), Math.ceil(high / 1_000)];
    while (late - early > 1) {
      const middle = Math.floor((early + late) / 2);
      if (this.offsetAt(middle * 1_000) === offset) early = middle;
      else late = middle;
    }
    return late * 1_000;
  }
}
