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
import type { DeployedTrigger, TriggerEvent } from '../model/trigger.ts';
import { MOST_FACTS, watchedBy } from '../model/trigger.ts';
import type { TriggerMemory } from '../model/trigger-memory.ts';
import { absenceEvent, endingEvent, type EventDraft, fileEvent } from './drafts.ts';
import { fileNews, type UnsettledFile } from './file-news.ts';
import { type Delivered, deliver, type HookRequest } from './hooks.ts';
import { Memories } from './memories.ts';
import type { EventPorts } from './ports.ts';
import { MOST_WAITING, silenceOf, withEvent, withSign } from './waiting.ts';

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
/** How long a request waits to hear what became of it. */
const PATIENCE_MS = 10_000;

/** All that happens to the triggers of a project's deployments. One process has it: the holder of the lock of the schedules. */
export class EventInbox {
  readonly #ports: EventPorts;
  readonly #isOnce: boolean;
  readonly #memories: Memories;
  readonly #unsettled = new Map<RunId, ReadonlyMap<string, UnsettledFile>>();
  readonly #hearing = new Map<RunId, (document: ProjectDocument) => void>();
  #isHeard = true;
  #next: number | null = null;
  #forgotten = Number.NEGATIVE_INFINITY;

  /** @param isOnce nobody will look again soon. */
  constructor(ports: EventPorts, isOnce: boolean) {
    this.#ports = ports;
    this.#isOnce = isOnce;
    this.#memories = new Memories(ports);
  }

  /** Something may have happened. */
  hear(): void {
    this.#isHeard = true;
  }

  /** True when somebody should look. */
  isDue(): boolean {
    return this.#isHeard || (this.#next !== null && this.#next <= this.#ports.now());
  }

  /** Looks at all triggers. Trouble with one is told, and is no reason to pass over the others. */
  async look(document: ProjectDocument): Promise<void> {
    this.#isHeard = false;
    this.#next = null;
    for (const owned of triggersOf(document)) {
      const { deployment, trigger } = owned;
      if (!trigger.definition.active) continue;
      await this.#memories
        .turn(trigger.id, () => this.#lookAt(owned))
        .then(
          () => this.#ports.trouble(deployment.name, trigger, null),
          (error: unknown) => {
            this.#lookAgain(this.#ports.now() + 1_000);
            this.#ports.trouble(deployment.name, trigger, error);
          },
        );
    }
    await this.#forget(document);
  }

  /** What waits for a deployment, oldest first. */
  waiting(deployment: Deployment): WaitingForRuns {
    const now = this.#ports.now();
    const triggers = (deployment.triggers ?? []).filter(({ definition }) => definition.active);
    const taken = new Set(deployment.taken);
    const found = triggers.flatMap(({ id, definition: { overlap } }) =>
      (this.#memories.known(id)?.waiting ?? []).map((each) => ({ ...each, overlap })),
    );
    const ready = found.filter(({ event, ready_ms }) => {
      if (ready_ms > now) this.#lookAgain(ready_ms);
      return ready_ms <= now || taken.has(event.id);
    });
    ready.sort((one, other) => Date.parse(one.event.at) - Date.parse(other.event.at));
    const events = ready.map(({ event, overlap }) => ({ event, overlap }));
    return { events, isWhole: triggers.every(({ id }) => this.#memories.known(id) !== undefined) };
  }

  /** Forgets what a document that is on disk names as taken. */
  async settle(document: ProjectDocument): Promise<void> {
    for (const { deployment, trigger } of triggersOf(document)) {
      const taken = new Set(deployment.taken);
      const isTaken = ({ event }: { readonly event: TriggerEvent }): boolean => taken.has(event.id);
      if (this.#memories.known(trigger.id)?.waiting.some(isTaken) !== true) continue;
      await this.#memories.turn(trigger.id, async () => {
        const memory = await this.#memories.of(trigger.id);
        const over = memory.waiting.filter(isTaken);
        await this.#memories.remember(trigger.id, {
          ...memory,
          waiting: memory.waiting.filter((each) => !isTaken(each)),
        });
        for (const { event } of over) this.#hearing.get(event.id)?.(document);
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
        hear: () => {
          this.hear();
          this.#ports.wake();
        },
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
    } else this.#lookAgain(this.#ports.now() + 1_000);
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
    if (news.next_ms !== null) this.#lookAgain(news.next_ms);
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
    if (endings.length === ENDINGS_AT_ONCE) this.hear();
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
      this.#lookAgain(silence.due_ms);
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
    this.#lookAgain(added?.ready_ms ?? this.#ports.now());
    return after;
  }

  /** What became of an event, as far as it is known within some seconds: the run that is to be; null where none will be. */
  #outcome(event: RunId): Promise<RunId | null> {
    // It may have been taken up before anybody could wait for that.
    if (!this.#memories.waiting().some((each) => each.event.id === event)) return Promise.resolve(event);
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(event), PATIENCE_MS);
      const done = (run: RunId | null): void => {
        clearTimeout(timer);
        this.#hearing.delete(event);
        resolve(run);
      };
      this.#hearing.set(event, (document) => {
        const all = Object.values(document.deployments).flatMap(({ claims, open, queue }) => [
          ...[...claims, ...open].map(({ run }) => run),
          ...queue.flatMap((each) => each.event?.id ?? []),
        ]);
        done(all.includes(event) ? event : null);
      });
    });
  }

  #lookAgain(at: number): void {
    this.#next = this.#next === null ? at : Math.min(this.#next, at);
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
