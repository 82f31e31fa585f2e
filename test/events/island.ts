/** A project without a disk: documents are texts that outlive crashes, and every touch of one may be the last thing that a process does. */

import { parseRunId, type RunId } from '../../src/base/ids.ts';
import type { FoundFile } from '../../src/events/file-news.ts';
import { EventInbox } from '../../src/events/inbox.ts';
import type { EventPorts } from '../../src/events/ports.ts';
import type { Deployment, ProjectDocument, RunClaim } from '../../src/model/deployment.ts';
import { PROJECT_DOCUMENT_FORMAT } from '../../src/model/deployment.ts';
import { readProject } from '../../src/model/deployment-shape.ts';
import type { RunEnding } from '../../src/model/run-ending.ts';
import type { TriggerDefinition } from '../../src/model/trigger.ts';
import { EMPTY_TRIGGER_MEMORY, readTriggerMemory } from '../../src/model/trigger-memory.ts';
import { pass, type SchedulerPorts } from '../../src/scheduler/pass.ts';
import { Timetables } from '../../src/schedules/timetables.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The process is gone. */
export class Crash extends Error {}

const BEGIN = Date.parse('2027-01-01T00:00:00Z');
const hash = 'a'.repeat(64);

/** A trigger of the normal form. */
export const trigger = (
  source: TriggerDefinition['source'],
  more: Partial<Omit<TriggerDefinition, 'source'>> = {},
): TriggerDefinition => ({ source, debounce_ms: 0, params: {}, active: true, overlap: 'queue', ...more });

export class Island {
  now = BEGIN;
  readonly files = new Map<string, FoundFile>();
  readonly endings: RunEnding[] = [];
  /** What was started: by the id of the run, what for. */
  readonly started = new Map<RunId, RunClaim>();
  readonly told: string[] = [];
  /** Touches until the process dies; and whether the last one is done. */
  fuse = Number.POSITIVE_INFINITY;
  isDoneFirst = false;
  /** A signal comes while something is started: it is for all processes of the service. */
  isSignalled = false;
  isStopped = false;
  /** What is on the disk, as texts. */
  db: string;
  readonly memories = new Map<string, string>();
  readonly #facts = new Map<string, string>();
  #minted = 0;
  #inbox: EventInbox | null = null;

  constructor(triggers: readonly TriggerDefinition[]) {
    const since = this.instant();
    const nobody = { kind: 'user', name: 'a', host: 'b' };
    const deployed = triggers.map((definition) => {
      const cursor = { epoch: 'e', n: 0 };
      return { id: this.mint(), since, cursor, directory: '/flows', definition };
    });
    const deployment = {
      name: 'import',
      flow: '/flows/import.yaml',
      version: 1,
      versions: [{ version: 1, hash, deployed_at: since, by: nobody }],
      ...{ params: {}, schedules: [], decided_until: [], triggers: deployed, paused: null },
      ...{ claims: [], open: [], queue: [], backfilling: [], ran: [], ticks: [], updated_at: since },
    };
    this.db = JSON.stringify({ format: PROJECT_DOCUMENT_FORMAT, deployments: { import: deployment } });
  }

  instant(): string {
    return new Date(this.now).toISOString();
  }

  get deployment(): Deployment {
    const found = this.document().deployments['import'];
    if (found === undefined) throw new Error('not deployed');
    return found;
  }

  change(change: (deployment: Deployment) => Deployment): void {
    this.db = JSON.stringify({ ...this.document(), deployments: { import: change(this.deployment) } });
  }

  /** The process dies, and another one begins. */
  restart(): void {
    this.fuse = Number.POSITIVE_INFINITY;
    this.isStopped = false;
    this.isSignalled = false;
    this.#inbox = null;
  }

  get inbox(): EventInbox {
    this.#inbox ??= new EventInbox(this.#events(), false);
    return this.#inbox;
  }

  /** One pass. False: the process died in it. */
  async pass(): Promise<boolean> {
    try {
      const { inbox } = this;
      const events = {
        look: (document: ProjectDocument) => inbox.look(document),
        waiting: (deployment: Deployment) => inbox.waiting(deployment),
        settle: (document: ProjectDocument) => inbox.settle(document),
      };
      await pass({ ...this.#scheduler(), events }, new Timetables());
      if (this.fuse > 0) return true;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    this.restart();
    return false;
  }

  document(): ProjectDocument {
    const read = readProject(JSON.parse(this.db));
    if (read === null) throw new Error(`db.json is damaged: ${this.db}`);
    return read;
  }

  mint(): RunId {
    this.#minted += 1;
    const id = parseRunId(`01${String(this.#minted).padStart(24, '0')}`);
    if (id === null) throw new Error('no id');
    return id;
  }

  #touch<T>(work: () => T): T {
    // Dead is dead, also for what goes on beside it.
    if (this.fuse <= 0) throw new Crash();
    this.fuse -= 1;
    if (this.fuse > 0) return work();
    if (this.isDoneFirst) work();
    throw new Crash();
  }

  #events(): EventPorts {
    return {
      now: () => this.now,
      mint: () => this.mint(),
      read: async (id) => {
        const text = this.memories.get(id);
        const read = text === undefined ? EMPTY_TRIGGER_MEMORY : readTriggerMemory(JSON.parse(text));
        if (read === null) throw new Error(`the memory is damaged: ${text}`);
        return read;
      },
      write: async (id, memory) => this.#touch(() => void this.memories.set(id, JSON.stringify(memory))),
      keepFacts: async (id, facts) => this.#touch(() => void this.#facts.set(id, JSON.stringify(facts))),
      files: async () => [...this.files.values()],
      endings: async (since, limit) => {
        const given = this.endings.filter(({ n }) => n > (since?.n ?? 0)).slice(0, limit);
        return { endings: given, cursor: { epoch: 'e', n: given.at(-1)?.n ?? since?.n ?? 0 } };
      },
      outputs: async () => ({ rows: 1 }),
      secret: async () => SECRET,
      forget: async (known) => {
        for (const id of this.memories.keys()) if (!known.has(id)) this.memories.delete(id);
      },
      trouble: (_deployment, _trigger, error) => {
        if (error instanceof Crash) throw error;
        if (error !== null) this.told.push(String(error));
      },
      wake: () => undefined,
    };
  }

  #scheduler(): SchedulerPorts {
    return {
      now: () => this.now,
      mint: () => this.mint(),
      read: async () => this.document(),
      change: async (change) =>
        this.#touch(() => {
          this.db = JSON.stringify(change(this.document()));
          return this.document();
        }),
      standing: async (run) => (this.started.has(run) ? 'over' : 'none'),
      isStopped: () => this.isStopped,
      start: async (_deployment, claim) =>
        this.#touch(() => {
          if (this.isSignalled) {
            this.isStopped = true;
            return { kind: 'refused', exit_code: null, message: '' };
          }
          if (this.started.has(claim.run)) return { kind: 'refused', exit_code: 2, message: 'was started already' };
          this.started.set(claim.run, claim);
          return { kind: 'started' };
        }),
      cancel: async () => undefined,
      tell: () => undefined,
    };
  }
}
