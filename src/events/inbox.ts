/**
 * What happens beside the clock: files, ends of runs, signed requests, and things that do not happen. An event is written down in its
 * trigger's memory, together with what makes it known, before anybody is told of it; it waits there until the deployment's document
 * names it as taken. So a crash at any instant neither loses nor repeats one. This room knows neither disks nor sockets: `ports` reach
 * them. Next: `file-news.ts`, `waiting.ts` and `signed-request.ts` decide, `scheduler/pass.ts` takes events up.
 *
 *     happened --> waiting (events/<trigger>.json) --> taken (db.json: claimed, queued or passed over) --> forgotten here
 */

import type { RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Deployment, ProjectDocument } from '../model/deployment.ts';
import type { DeployedTrigger, EventSource, TriggerEvent } from '../model/trigger.ts';
import { MOST_FACTS, watchedBy } from '../model/trigger.ts';
import type { TriggerMemory } from '../model/trigger-memory.ts';
import { absenceEvent, endingEvent, type EventDraft, fileEvent } from './drafts.ts';
import { fileNews, type UnsettledFile } from './file-news.ts';
import { type Delivered, deliver, type HookRequest } from './hooks.ts';
import { Memories } from './memories.ts';
import { Outcomes } from './outcomes.ts';
import type { EventPorts } from './ports.ts';
import { isReady, MOST_WAITING, silenceOf, withEvent, withSign } from './waiting.ts';

/** An event, and what its trigger says about runs that still go on. */
export interface WaitingForRun {
  readonly event: TriggerEvent;
  readonly overlap: DeployedTrigger['definition']['overlap'];
}

/** What waits for a deployment. */
export interface WaitingForRuns {
  readonly events: readonly WaitingForRun[];
  /** False where the memory of a trigger cannot be read: more may wait. */
  readonly isWhole: boolean;
}

/** A trigger with whose it is. */
export interface OwnedTrigger {
  readonly deployment: Deployment;
  readonly trigger: DeployedTrigger;
}

/** How long nobody has to ask again who is known. */
const FORGET_EVERY_MS = 600_000;
/** How many ends of runs are taken in at once. */
const ENDINGS_AT_ONCE = 200;
/** How often all triggers are looked at, for not everything is heard. */
const LOOK_EVERY_MS = 25_000;

/** All that happens to the triggers of a project's deployments. One process has it: the holder of the lock of the schedules. */
export class EventInbox {
  readonly #ports: EventPorts;
  readonly #isOnce: boolean;
  readonly #memories: Memories;
  readonly #unsettled = new Map<RunId, ReadonlyMap<string, UnsettledFile>>();
  readonly #outcomes = new Outcomes();
  /** Kinds of what is watched to which something may have happened. */
  #heard: ReadonlySet<EventSource['kind']> = new Set();
  /** When all triggers were looked at. */
  #looked = Number.NEGATIVE_INFINITY;
  /** When a trigger has to be looked at, whatever happens. */
  readonly #due = new Map<RunId, number>();
  /** When something that waits may be taken up. */
  #ripe: number | null = null;
  #forgotten = Number.NEGATIVE_INFINITY;

  /** @param isOnce nobody will look again soon. */
  constructor(ports: EventPorts, isOnce: boolean) {
    this.#ports = ports;
    this.#isOnce = isOnce;
    this.#memories = new Memories(ports);
  }

  /** Something may have happened to files, or a run may have ended. */
  hear(kind: 'file' | 'flow'): void {
    this.#heard = new Set([...this.#heard, kind]);
  }

  /** True when somebody should look. */
  isDue(): boolean {
    return this.#heard.size > 0 || this.dueAt() <= this.#ports.now();
  }

  /** When somebody should look, whatever happens until then, in milliseconds since the epoch. */
  dueAt(): number {
    return Math.min(this.#ripe ?? Number.POSITIVE_INFINITY, ...this.#due.values());
  }

  /** Looks at the triggers to which something may have happened. Trouble with one is told, and is no reason to pass over the others. */
  async look(document: ProjectDocument): Promise<void> {
    const now = this.#ports.now();
    const isWhole = this.#isOnce || now - this.#looked >= LOOK_EVERY_MS || now < this.#looked;
    if (isWhole) this.#looked = now;
    const heard = this.#heard;
    this.#heard = new Set();
    this.#ripe = null;
    const active = [...triggersOf(document)].filter(({ trigger }) => trigger.definition.active);
    const known = new Set(active.map(({ trigger }) => trigger.id));
    for (const id of this.#due.keys()) if (!known.has(id)) this.#due.delete(id);
    for (const owned of active) {
      const { id, definition } = owned.trigger;
      const isTime = (this.#due.get(id) ?? Number.POSITIVE_INFINITY) <= now;
      const isMeant = heard.has(watchedBy(definition).kind) || this.#memories.known(id) === undefined;
      if (isWhole || isTime || isMeant) await this.#tryToLookAt(owned);
    }
    await this.#forget(document);
  }

  async #tryToLookAt(owned: OwnedTrigger): Promise<void> {
    const { deployment, trigger } = owned;
    this.#due.delete(trigger.id);
    try {
      await this.#memories.turn(trigger.id, () => this.#lookAt(owned));
      this.#ports.trouble(deployment.name, trigger, null);
    } catch (error) {
      this.#lookAgain(trigger, this.#ports.now() + 1_000);
      this.#ports.trouble(deployment.name, trigger, error);
    }
  }

  /** What waits for a deployment, oldest first. */
  waiting(deployment: Deployment): WaitingForRuns {
    const now = this.#ports.now();
    const triggers = (deployment.triggers ?? []).filter(({ definition }) => definition.active);
    const taken = new Set(deployment.taken);
    const found = triggers.flatMap(({ id, definition }) =>
      (this.#memories.known(id)?.waiting ?? []).map((each) => ({ ...each, definition })),
    );
    const ready = found.filter((each) => {
      if (isReady(each, now, each.definition.debounce_ms) || taken.has(each.event.id)) return true;
      this.#ripen(each.ready_ms);
      return false;
    });
    ready.sort((one, other) => Date.parse(one.event.at) - Date.parse(other.event.at));
    const events = ready.map(({ event, definition: { overlap } }) => ({ event, overlap }));
    return { events, isWhole: triggers.every(({ id }) => this.#memories.known(id) !== undefined) };
  }

  /** Forgets what a document that is on disk names as taken. */
  async settle(document: ProjectDocument): Promise<void> {
    for (const { deployment, trigger } of triggersOf(document)) {
      const { id } = trigger;
      if ((this.#memories.known(id)?.waiting.length ?? 0) === 0) continue;
      const taken = new Set(deployment.taken);
      await this.#memories.turn(id, async () => {
        const memory = await this.#memories.of(id);
        const over = memory.waiting.filter(({ event }) => taken.has(event.id));
        const waiting = memory.waiting.filter(({ event }) => !taken.has(event.id));
        if (over.length > 0) await this.#memories.remember(id, { ...memory, waiting });
        for (const { event } of over) this.#outcomes.tell(event.id, document);
        // There was no room for these: there may be by now.
        for (const { ready_ms } of waiting) this.#ripen(ready_ms);
      });
    }
  }

  /** Nothing is written down any more. */
  close(): Promise<void> {
    return this.#memories.close();
  }

  /** A request for a hook. Resolves when what comes of it is on disk. */
  deliver(document: ProjectDocument, request: HookRequest): Promise<Delivered> {
    return deliver(
      {
        ports: this.#ports,
        memories: this.#memories,
        add: (memory, owned, draft) => this.#added(memory, owned, draft),
        taken: (event) => this.#outcome(event),
        hear: () => this.#ports.wake(),
      },
      [...triggersOf(document)],
      request,
    );
  }

  async #lookAt(owned: OwnedTrigger): Promise<void> {
    const { trigger } = owned;
    const before = await this.#memories.of(trigger.id);
    const watched = watchedBy(trigger.definition);
    let memory = before;
    if (before.waiting.length < MOST_WAITING) {
      if (watched.kind === 'file') memory = await this.#files(memory, owned);
      else if (watched.kind === 'flow') memory = await this.#endings(memory, owned);
    } else this.#lookAgain(trigger, this.#ports.now() + 1_000);
    memory = await this.#silence(memory, owned);
    if (memory !== before) await this.#memories.remember(trigger.id, memory);
  }

  async #files(before: TriggerMemory, owned: OwnedTrigger): Promise<TriggerMemory> {
    const { trigger } = owned;
    const source = watchedBy(trigger.definition);
    if (source.kind !== 'file') return before;
    const found = await this.#ports.files(trigger.directory, source.paths);
    const news = fileNews(before.files, found, this.#unsettled.get(trigger.id) ?? new Map(), {
      now: this.#ports.now(),
      since_ms: before.has_looked ? null : Date.parse(trigger.since),
      settle_ms: source.settle_ms,
      on: source.on,
      isOnce: this.#isOnce,
      room: MOST_WAITING - before.waiting.length,
    });
    this.#unsettled.set(trigger.id, news.unsettled);
    if (news.next_ms !== null) this.#lookAgain(trigger, news.next_ms);
    if (news.files === before.files && before.has_looked) return before;
    let memory: TriggerMemory = { ...before, has_looked: true, files: news.files };
    for (const each of news.events) memory = await this.#added(memory, owned, fileEvent(each, trigger.directory));
    return memory;
  }

  async #endings(before: TriggerMemory, owned: OwnedTrigger): Promise<TriggerMemory> {
    const source = watchedBy(owned.trigger.definition);
    if (source.kind !== 'flow') return before;
    const { flow, states } = source;
    const since = before.cursor ?? owned.trigger.cursor;
    const { endings, cursor } = await this.#ports.endings(since, ENDINGS_AT_ONCE);
    if (endings.length === ENDINGS_AT_ONCE) this.#lookAgain(owned.trigger, this.#ports.now());
    if (before.cursor?.n === cursor.n && before.cursor.epoch === cursor.epoch) return before;
    let memory: TriggerMemory = { ...before, cursor };
    for (const ending of endings) {
      const isMeant = ending.deployment === flow || ending.flow === flow;
      // What this deployment did itself is not told to it.
      if (!isMeant || ending.deployment === owned.deployment.name || !states.includes(ending.state)) continue;
      const outputs = ending.state === 'succeeded' ? await this.#ports.outputs(ending.run) : null;
      memory = await this.#added(memory, owned, endingEvent(ending, outputs));
    }
    return memory;
  }

  async #silence(before: TriggerMemory, owned: OwnedTrigger): Promise<TriggerMemory> {
    const { source } = owned.trigger.definition;
    if (source.kind !== 'absence') return before;
    const silence = silenceOf(before, owned.trigger.since, source.within_ms);
    if (silence === null) return before;
    if (silence.due_ms > this.#ports.now()) {
      this.#lookAgain(owned.trigger, silence.due_ms);
      return before;
    }
    const draft = absenceEvent(source, silence);
    return { ...(await this.#waits(before, owned, draft)), is_silence_told: true };
  }

  /** Something happened: it waits for a run, or ends a silence. */
  #added(memory: TriggerMemory, owned: OwnedTrigger, draft: EventDraft): Promise<TriggerMemory> {
    const isSign = owned.trigger.definition.source.kind === 'absence';
    return isSign ? Promise.resolve(withSign(memory, draft.at)) : this.#waits(memory, owned, draft);
  }

  async #waits(
    memory: TriggerMemory,
    { deployment, trigger }: OwnedTrigger,
    draft: EventDraft,
  ): Promise<TriggerMemory> {
    const { what, at, kind } = draft;
    const id = this.#ports.mint();
    const facts: JsonObject = { kind, at, ...draft.facts };
    const isLarge = JSON.stringify(facts).length > MOST_FACTS;
    const event = { id, trigger: trigger.id, kind, at, what, facts: isLarge ? null : facts };
    const debounceMs = trigger.definition.debounce_ms;
    const taken = new Set<string>(deployment.taken);
    const isTaken = (each: string): boolean => taken.has(each);
    const after = withEvent(memory, event, { now: this.#ports.now(), debounceMs, isTaken });
    const added = after.waiting.at(-1);
    if (isLarge) await this.#ports.keepFacts(added?.event.id ?? id, facts);
    this.#ripen(added?.ready_ms ?? this.#ports.now());
    return after;
  }

  /** What became of an event. It may have been taken up before anybody could wait for that. */
  async #outcome(event: RunId): Promise<RunId | null> {
    const isWaiting = this.#memories.waiting().some((each) => each.event.id === event);
    return isWaiting ? this.#outcomes.of(event) : event;
  }

  #lookAgain({ id }: DeployedTrigger, at: number): void {
    this.#due.set(id, Math.min(this.#due.get(id) ?? at, at));
  }

  #ripen(at: number): void {
    this.#ripe = this.#ripe === null ? at : Math.min(this.#ripe, at);
  }

  async #forget(document: ProjectDocument): Promise<void> {
    const now = this.#ports.now();
    if (now - this.#forgotten < FORGET_EVERY_MS && now >= this.#forgotten) return;
    this.#forgotten = now;
    const triggers = [...triggersOf(document)].map(({ trigger }) => trigger.id);
    const deployed = Object.values(document.deployments).flatMap(({ claims, queue }) => [...claims, ...queue]);
    this.#memories.keep(new Set(triggers));
    const waiting = this.#memories.waiting().map(({ event }) => event.id);
    const events = [...deployed.flatMap(({ event }) => event?.id ?? []), ...waiting];
    await this.#ports.forget(new Set<string>([...triggers, ...events]));
  }
}

function* triggersOf({ deployments }: ProjectDocument): Generator<OwnedTrigger> {
  for (const deployment of Object.values(deployments)) {
    for (const trigger of deployment.triggers ?? []) yield { deployment, trigger };
  }
}
