/**
 * Automations: what a project's config says about what happens to runs and schedules is done, here, by whoever holds the lock of the
 * schedules. A look finds what happened, acts, and writes down how far it looked together with the runs that are to be begun; so a crash
 * in between repeats a message or a cancellation, and neither loses nor repeats a run. This room knows neither disks nor terminals. Next:
 * `happenings.ts` (what can happen), `firing.ts` (who does something about it), `scheduler/pass.ts` (takes the runs up).
 *
 *     happened --> acted upon --> remembered (automations.json), with runs waiting --> taken (db.json) --> forgotten here
 */

import type { RunId } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import type { AutomationAction, AutomationDefinition } from '../model/automation.ts';
import type { AutomationMemory, WaitingRun } from '../model/automation-memory.ts';
import type { Deployment, ProjectDocument } from '../model/deployment.ts';
import type { NotifyAction } from '../model/action.ts';
import type { FeedCursor, RunEnding } from '../model/run-ending.ts';
import type { TriggerEvent } from '../model/trigger.ts';
import { chooseFirings, type Firing, type Firings } from './firing.ts';
import {
  dueHappenings,
  endingHappening,
  type Happening,
  lastingHappening,
  type LastingRun,
  outcomeKey,
} from './happenings.ts';

/** What automations reach the world by. Each throws where that does. */
export interface AutomationPorts {
  /** Milliseconds since the epoch. */
  now(): number;
  mint(): RunId;
  /** Those of the config as it is now. */
  definitions(): Promise<readonly AutomationDefinition[]>;
  read(): Promise<AutomationMemory>;
  /** On disk when it resolves. */
  write(memory: AutomationMemory): Promise<void>;
  /** What ended since, oldest first. */
  endings(
    since: FeedCursor | null,
    limit: number,
  ): Promise<{ readonly endings: readonly RunEnding[]; readonly cursor: FeedCursor }>;
  /** What a run yielded; null where that is gone. */
  outputs(run: RunId): Promise<Json>;
  /** Top-level runs that began before this instant and have not ended. @param passOver runs that nobody asks about. */
  lasting(startedBefore: number, passOver: (run: RunId) => boolean): Promise<readonly LastingRun[]>;
  cancel(run: RunId, reason: string): Promise<void>;
  /** @returns false when there is no such deployment. */
  pause(deployment: string, reason: string): Promise<boolean>;
  /** Keeps a message for its receiver. @param key the same when the same message is sent again. */
  send(message: NotifyAction, about: Happening, automation: string, key: string): Promise<void>;
  /** Told what was done, in words; `isTrouble`: it could not be. */
  tell(text: string, isTrouble: boolean): void;
}

/** How many ends of runs are taken in at once. */
const ENDINGS_AT_ONCE = 200;
/** More runs than this do not wait: somebody has to look. */
const MOST_WAITING = 1_000;

/** All automations of a project. One process has them: the holder of the lock of the schedules. */
export class Automations {
  readonly #ports: AutomationPorts;
  #memory: AutomationMemory | null = null;

  constructor(ports: AutomationPorts) {
    this.#ports = ports;
  }

  /** Looks at what happened, and does what is to be done about it. */
  async look(document: ProjectDocument): Promise<void> {
    const definitions = (await this.#ports.definitions()).filter(({ active }) => active);
    this.#memory ??= await this.#ports.read();
    let memory = this.#memory;
    // A long backlog is done in pieces, each remembered before the next.
    for (let isMore = true; isMore; ) {
      const found = await this.#find(definitions, memory, document);
      isMore = found.isMore;
      memory = await this.#act(definitions, found.memory, found.happenings, document);
      await this.#remember(memory);
    }
  }

  /** See `EventPort`. */
  waiting({ name }: Deployment): {
    readonly events: readonly { readonly event: TriggerEvent; readonly overlap: 'queue' }[];
    readonly isWhole: boolean;
  } {
    const waiting = this.#memory?.waiting.filter(({ deployment }) => deployment === name) ?? [];
    return { events: waiting.map(({ event }) => ({ event, overlap: 'queue' })), isWhole: this.#memory !== null };
  }

  /** Forgets the runs that a document which is on disk has taken up. */
  async settle({ deployments }: ProjectDocument): Promise<void> {
    const memory = this.#memory;
    if (memory === null || memory.waiting.length === 0) return;
    const still = memory.waiting.filter(({ deployment: name, event }) => {
      const deployment = Object.hasOwn(deployments, name) ? deployments[name] : undefined;
      return deployment !== undefined && deployment.taken?.includes(event.id) !== true;
    });
    if (still.length < memory.waiting.length) await this.#remember({ ...memory, waiting: still });
  }

  async #remember(memory: AutomationMemory): Promise<void> {
    if (this.#memory === memory || JSON.stringify(this.#memory) === JSON.stringify(memory)) return;
    await this.#ports.write(memory);
    this.#memory = memory;
  }

  async #find(definitions: readonly AutomationDefinition[], memory: AutomationMemory, document: ProjectDocument) {
    const ports = this.#ports;
    const happenings: Happening[] = [];
    const kinds = new Set(definitions.map(({ when }) => when.kind));
    let isMore = false;
    let { cursor } = memory;
    if (kinds.has('ended')) {
      const ended = await ports.endings(cursor, ENDINGS_AT_ONCE);
      cursor = ended.cursor;
      isMore = ended.endings.length === ENDINGS_AT_ONCE;
      for (const ending of ended.endings) happenings.push(endingHappening(ending, await this.#outputsOf(ending)));
    } else cursor = null;
    const known = memory.outcomes;
    const deployments = Object.values(document.deployments);
    const outcomes = kinds.has('due')
      ? Object.fromEntries(deployments.map(({ name, ticks }) => [name, ticks.map(outcomeKey)]))
      : null;
    if (outcomes !== null && known !== null) {
      for (const each of deployments) happenings.push(...dueHappenings(each, new Set(known[each.name])));
    }
    const lasting = await this.#lasting(definitions, memory);
    happenings.push(...lasting.map((run) => lastingHappening(run, ports.now())));
    return { happenings, memory: { ...memory, cursor, outcomes }, isMore };
  }

  async #outputsOf({ run, state }: RunEnding): Promise<Json> {
    return state === 'succeeded' ? this.#ports.outputs(run) : null;
  }

  async #lasting(definitions: readonly AutomationDefinition[], { lasted }: AutomationMemory) {
    const asking = definitions.flatMap(({ name, when }) =>
      when.kind === 'lasts' ? [{ name, ms: when.longer_than_ms }] : [],
    );
    if (asking.length === 0) return [];
    const shortest = Math.min(...asking.map(({ ms }) => ms));
    return this.#ports.lasting(this.#ports.now() - shortest, (run) =>
      asking.every(({ name }) => lasted[run]?.includes(name) === true),
    );
  }

  async #act(
    definitions: readonly AutomationDefinition[],
    memory: AutomationMemory,
    happenings: readonly Happening[],
    document: ProjectDocument,
  ): Promise<AutomationMemory> {
    const isDone = ({ automation, happening: { kind, run } }: Firing): boolean =>
      kind === 'lasts' && run !== null && memory.lasted[run]?.includes(automation.name) === true;
    const chosen = chooseFirings(definitions, happenings, isDone, memory.fired, this.#ports.now());
    const waiting: WaitingRun[] = [...memory.waiting];
    for (const { automation, happening } of chosen.firings) {
      for (const [index, action] of automation.actions.entries()) {
        const run = await this.#perform(automation, happening, action, index, document).catch((error: unknown) => {
          this.#ports.tell(`automation ${automation.name}: ${happening.what}: ${String(error)}`, true);
          return null;
        });
        if (run === null) continue;
        if (waiting.length < MOST_WAITING) waiting.push(run);
        else this.#ports.tell(`automation ${automation.name}: ${MOST_WAITING} runs wait already`, true);
      }
    }
    for (const { automation, happening } of chosen.withheld) {
      const often = `it has done something ${automation.at_most} times within a minute`;
      this.#ports.tell(`automation ${automation.name}: ${happening.what}: left, for ${often}`, true);
    }
    return { ...memory, waiting, fired: chosen.fired, lasted: lastedWith(memory.lasted, chosen, happenings) };
  }

  /** @returns a run that is to be begun, or null. */
  async #perform(
    automation: AutomationDefinition,
    happening: Happening,
    action: AutomationAction,
    index: number,
    document: ProjectDocument,
  ): Promise<WaitingRun | null> {
    const ports = this.#ports;
    const { name } = automation;
    const because = `automation ${name}`;
    const say = (what: string, isTrouble = false): null => {
      ports.tell(`${because}: ${happening.what}: ${what}`, isTrouble);
      return null;
    };
    switch (action.kind) {
      case 'cancel':
        if (happening.run === null) return null;
        await ports.cancel(happening.run, because);
        return say('asked it to end');
      case 'pause': {
        const deployment = action.deployment ?? happening.deployment;
        if (deployment === null) return say('there is no deployment to pause', true);
        return (await ports.pause(deployment, because))
          ? say(`paused ${deployment}`)
          : say(`there is no deployment ${deployment}`, true);
      }
      case 'notify':
        await ports.send(action.message, happening, name, `automation/${name}/${happening.key}/${index}`);
        return say(`a message by ${action.message.channel}`);
      case 'run': {
        const { deployment, params } = action;
        if (happening.isByAutomation && !automation.chain)
          return say(`begins no run of ${deployment}, for an automation began this one`);
        if (!Object.hasOwn(document.deployments, deployment)) return say(`there is no deployment ${deployment}`, true);
        const id = ports.mint();
        const at = new Date(ports.now()).toISOString();
        const facts = { kind: 'automation', at: happening.at, automation: name, ...happening.facts };
        say(`a run of ${deployment}`);
        const what = `automation ${name}: ${happening.what}`;
        return { deployment, event: { id, trigger: id, kind: 'automation', at, what, facts, params } };
      }
      default:
        return assertNever(action, 'action of an automation');
    }
  }
}

/** Runs that do not go on any more are forgotten. */
function lastedWith(
  before: AutomationMemory['lasted'],
  { firings }: Pick<Firings, 'firings'>,
  happenings: readonly Happening[],
): AutomationMemory['lasted'] {
  const ended = new Set(
    happenings.flatMap(({ kind, run }) => (kind === 'ended' && run !== null ? [run as string] : [])),
  );
  const lasted = new Map(Object.entries(before).filter(([run]) => !ended.has(run)));
  for (const { automation, happening } of firings) {
    const { kind, run } = happening;
    if (kind === 'lasts' && run !== null) lasted.set(run, [...(lasted.get(run) ?? []), automation.name]);
  }
  return Object.fromEntries([...lasted].slice(-MOST_LASTED));
}

/** A run lasts once; those that ended unseen are forgotten when there are many. */
const MOST_LASTED = 1_000;
