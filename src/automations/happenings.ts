/** What automations can react to, from what is recorded: ends of runs, runs that go on, what was due and not run. Pure. */

import type { RunId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { SCHEDULE_TROUBLES, type AutomationCondition, type ScheduleTrouble } from '../model/automation.ts';
import type { Deployment, TickOutcome } from '../model/deployment.ts';
import type { EndedState, RunEnding } from '../model/run-ending.ts';

/** Something that happened. */
export interface Happening {
  /** Names it: the same whenever it is found. */
  readonly key: string;
  readonly kind: AutomationCondition['kind'];
  /** The run that it is about; null: it is about none. */
  readonly run: RunId | null;
  readonly flow: string | null;
  readonly deployment: string | null;
  readonly tags: readonly string[];
  /** How the run ended, what became of what was due, or `running`. */
  readonly state: EndedState | ScheduleTrouble | 'running';
  /** Only for automations that ask for at least this much; null: for all. */
  readonly lastedMs: number | null;
  /** An automation began the run. */
  readonly isByAutomation: boolean;
  /** RFC 3339. */
  readonly at: string;
  /** In a few words. */
  readonly what: string;
  /** What expressions see as `event`, beside its `kind`, `at` and `automation`. */
  readonly facts: JsonObject;
}

/** A run that goes on. */
export interface LastingRun extends Pick<RunEnding, 'run' | 'flow' | 'deployment' | 'version' | 'tags' | 'trigger'> {
  readonly state: string;
  /** RFC 3339. */
  readonly started_at: string;
}

/** Values with more characters than this, as JSON, are not handed on: what waits has to stay small. */
const MOST_OUTPUTS = 1_500;

/** A run ended. @param outputs its outputs, or null. */
export function endingHappening(ending: RunEnding, outputs: Json): Happening {
  const { run: id, seq, flow, deployment, version, state, exit_code, scheduled_for, started_at, finished_at } = ending;
  const run = { id, flow, deployment, version, state, exit_code, scheduled_for, started_at, finished_at };
  return {
    ...{ key: `${id} ${seq}`, kind: 'ended', run: id, flow, deployment, tags: ending.tags, state, lastedMs: null },
    isByAutomation: ending.trigger === 'automation',
    at: finished_at ?? ending.noticed_at,
    what: `run ${id} of ${deployment ?? flow} ${state}`,
    facts: { run, outputs: JSON.stringify(outputs).length > MOST_OUTPUTS ? null : outputs },
  };
}

/** A run goes on. @param now milliseconds since the epoch. */
export function lastingHappening(lasting: LastingRun, now: number): Happening {
  const { run: id, flow, deployment, version, state, started_at, tags, trigger } = lasting;
  const run = {
    id,
    flow,
    deployment,
    version,
    state,
    exit_code: null,
    scheduled_for: null,
    started_at,
    finished_at: null,
  };
  return {
    ...{ key: `${id} lasts`, kind: 'lasts', run: id, flow, deployment, tags, state: 'running' },
    lastedMs: now - Date.parse(started_at),
    isByAutomation: trigger === 'automation',
    at: new Date(now).toISOString(),
    what: `run ${id} of ${deployment ?? flow} still goes on`,
    facts: { run },
  };
}

/** What of a deployment's memory names an outcome: it is forgotten when enough others came after it. */
export const outcomeKey = (tick: TickOutcome): string =>
  [tick.outcome, tick.schedule, tick.scheduled_for, tick.event?.id ?? ('run' in tick ? tick.run : '')].join(' ');

/** What was due and not run, of those outcomes that are not known yet. */
export function dueHappenings({ name, ticks }: Deployment, known: ReadonlySet<string>): readonly Happening[] {
  return ticks.flatMap((tick): readonly Happening[] => {
    const state = SCHEDULE_TROUBLES.find((each) => each === tick.outcome);
    const key = outcomeKey(tick);
    if (state === undefined || known.has(key)) return [];
    const { scheduled_for } = tick;
    const message = tick.outcome === 'refused' ? (tick.message.split('\n')[0] ?? '') : '';
    const count = tick.outcome === 'missed' ? tick.count : 1;
    return [
      {
        ...{
          key: `${name} ${key}`,
          kind: 'due',
          run: null,
          flow: null,
          deployment: name,
          tags: [],
          state,
          lastedMs: null,
        },
        isByAutomation: 'trigger' in tick && tick.trigger === 'automation',
        at: scheduled_for,
        what: `${name}: ${count > 1 ? `${count} runs that were` : 'a run that was'} due at ${scheduled_for} ${state}`,
        facts: { deployment: name, outcome: state, scheduled_for, count, message: message.slice(0, 500) },
      },
    ];
  });
}
