/** What a flow function is told again of earlier lives: every recorded end of a call, in the order in which they were recorded. */

import type { StepKey } from '../base/ids.ts';
import type { Failure } from '../model/outcome.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import type { ScriptCall } from './script-ports.ts';

/** One replay. */
export class Replay {
  private readonly recorded: readonly StepKey[];
  private readonly known: ReadonlySet<StepKey>;
  private readonly claimed = new Set<StepKey>();
  private readonly told = new Set<StepKey>();
  private position = 0;
  private held: ScriptCall[] = [];

  /** @param steps those of the run. */
  constructor(steps: Iterable<StepRecord>) {
    const recorded = [...steps].filter(
      ({ call, settled_at, phase }) =>
        call !== null &&
        call.caller === null &&
        settled_at !== null &&
        (phase.kind === 'succeeded' || phase.kind === 'failed'),
    );
    recorded.sort((one, other) => (one.settled_at ?? 0) - (other.settled_at ?? 0));
    this.recorded = recorded.map(({ key }) => key);
    this.known = new Set(this.recorded);
  }

  /** True when nothing recorded is left to tell. */
  get isOver(): boolean {
    return this.position >= this.recorded.length;
  }

  /** True while calls are held back. */
  get isHolding(): boolean {
    return this.held.length > 0;
  }

  /** The function made a call that may be recorded. */
  claim(step: StepKey): void {
    if (this.known.has(step)) this.claimed.add(step);
  }

  /** Holds back a call that is not recorded until it is known whether it stands in the place of one that is. */
  hold(call: ScriptCall): void {
    this.held.push(call);
  }

  /** The calls that were held back, in their order; they are held no longer. */
  release(): readonly ScriptCall[] {
    const held = this.held;
    this.held = [];
    return held;
  }

  /**
   * The call whose end is told next; null: none can be told now.
   * @param isIdle the function does nothing but wait: it makes no call that would have to be told before.
   */
  next(isIdle: boolean): StepKey | null {
    while (!this.isOver) {
      const step = this.recorded[this.position];
      if (step === undefined) break;
      if (this.told.has(step)) {
        this.position += 1;
        continue;
      }
      if (this.claimed.has(step)) {
        this.position += 1;
        this.told.add(step);
        return step;
      }
      return isIdle ? this.later() : null;
    }
    return null;
  }

  /** Where a call is held back while the function waits, and a recorded one was not made: the one stands in the place of the other. */
  contradiction(run: RunRecord): Failure | null {
    const call = this.held[0];
    const missing = this.recorded.find((step) => !this.claimed.has(step));
    const record = missing === undefined ? undefined : run.steps.get(missing);
    return call === undefined || record === undefined ? null : driftFailure(record, call);
  }

  /** A call behind one that was not made; without any, the rest is left untold, unless a call is held back that may stand in its place. */
  private later(): StepKey | null {
    const step = this.recorded.find(
      (key, index) => index > this.position && this.claimed.has(key) && !this.told.has(key),
    );
    if (step === undefined) {
      if (!this.isHolding) this.position = this.recorded.length;
      return null;
    }
    this.told.add(step);
    return step;
  }
}

/** Why a call contradicts what is recorded under its key; null: it does not, or nothing rests on that. */
export function driftBetween(record: StepRecord, call: ScriptCall): Failure | null {
  const { phase } = record;
  const isSame =
    record.id === call.name && record.call?.kind === call.kind && record.call.arguments_hash === call.arguments_hash;
  if (isSame || (phase.kind !== 'succeeded' && phase.kind !== 'failed')) return null;
  return driftFailure(record, call);
}

function driftFailure(record: StepRecord, call: ScriptCall): Failure {
  const isNamesake = record.key === call.step;
  const before = `\`${record.key}\`, which ${record.phase.kind}`;
  const what = isNamesake
    ? record.call?.kind === call.kind
      ? `is called with other arguments now (${short(call.arguments_hash)}, recorded: ${short(record.call.arguments_hash)})`
      : `is a call of another kind now (\`${call.kind}\`, recorded: \`${record.call?.kind ?? 'step'}\`)`
    : `is not called any more; \`${call.step}\` is called in its place`;
  return {
    code: 'drift',
    message: `the flow function is not what this run has recorded: ${before}, ${what}`,
    detail: 'undo the edit and resume, or start a new run; calls that have not succeeded may be changed',
  };
}

const short = (hash: string): string => hash.slice(0, 8);
