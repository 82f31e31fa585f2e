/** The automations of a project, with the disk, the feed of ends and the config as it is now. */

import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Automations, type AutomationPorts } from '../automations/automations.ts';
import type { Deployment, ProjectDocument } from '../model/deployment.ts';
import type { EventPort } from '../scheduler/pass.ts';
import { readAutomations, writeAutomations } from '../store/automation-memory.ts';
import { discoverConfig } from '../store/discover.ts';
import { dropRequest } from '../store/inbox.ts';
import { LastingRuns } from '../store/lasting-runs.ts';
import { runLayout, type StateLayout } from '../store/layout.ts';
import { mintRunId } from '../store/mint.ts';
import { describeProblem, StateError, unwrap } from '../store/problem.ts';
import { changeProjectDocument } from '../store/project-document.ts';
import { outputsAtEnd, RunFeed } from '../store/run-feed.ts';
import { thisUser } from './actor.ts';
import { sendAutomationMessage } from './automation-message.ts';
import { markOf } from './open-events.ts';
import { type Project, readProject } from './project.ts';
import type { Session } from './session.ts';

/** The automations of one process that holds the lock of the schedules. */
export interface OpenAutomations {
  readonly port: EventPort;
  /** Changes when somebody should look; cheap to ask. */
  mark(): Promise<string>;
}

/** The config is looked at again when one of its files changes; of those that it includes nobody knows, so they are now and then. */
const TRUST_MS = 30_000;

const NO_EVENTS = { events: [], isWhole: true } as const;

/** Opens them. @param say tells what was done; `isTrouble`: it could not be. */
export function openAutomations(
  session: Session,
  state: StateLayout,
  say: (text: string, isTrouble: boolean) => void,
): OpenAutomations {
  const config = new ConfigAutomations(session, state, say);
  const feed = new RunFeed(state);
  const lasting = new LastingRuns(state);
  const ports: AutomationPorts = {
    now: () => Date.now(),
    mint: () => mintRunId(),
    definitions: async () => (await config.project())?.config.automations ?? [],
    read: async () => unwrap(await readAutomations(state)),
    write: async (memory) => unwrap(await writeAutomations(state, memory)),
    endings: async (since, limit) => {
      const { endings, cursor, lost } = unwrap(await feed.after(since, limit));
      if (lost > 0) say(`automations: ${lost} ends of runs are told no more: nobody looked for too long`, true);
      return { endings, cursor };
    },
    // What is gone has no outputs any more.
    outputs: async (run) => outputsAtEnd(state, run).then((read) => (read.ok ? read.value : null)),
    lasting: async (before, passOver) =>
      (await lasting.find(before, passOver)).map(({ row, deployment }) => ({
        ...{ run: row.id, flow: row.flow ?? '', deployment, version: row.version, tags: row.tags },
        ...{ trigger: row.trigger, state: row.state, started_at: row.started_at ?? '' },
      })),
    cancel: async (run, reason) => {
      const { name, host } = thisUser();
      const by = { name, host, pid: process.pid };
      const request = { kind: 'cancel', by, at: new Date().toISOString(), reason } as const;
      // A run that is gone meanwhile needs no end.
      await dropRequest(runLayout(state, { id: run, root: run }), request);
    },
    pause: (deployment) => pause(state, deployment),
    send: async (message, about, automation, key) => {
      const project = await config.project();
      if (project !== null) await sendAutomationMessage(session, state, project, { message, about, automation, key });
    },
    tell: say,
  };
  const automations = new Automations(ports);
  let isUsed = false;
  const look = async (document: ProjectDocument): Promise<void> => {
    try {
      const definitions = await ports.definitions();
      isUsed ||= definitions.length > 0;
      // A project that has none pays nothing for them.
      if (isUsed || (await hasMemory(state))) await automations.look(document);
    } catch (error) {
      say(`automations: ${error instanceof StateError ? describeProblem(error.problem) : String(error)}`, true);
    }
  };
  return {
    port: {
      look,
      waiting: (deployment) => (isUsed ? automations.waiting(deployment) : NO_EVENTS),
      settle: (document) => automations.settle(document),
    },
    mark: async () => `${await config.mark()} ${isUsed ? await markOf(state.index) : ''}`,
  };
}

const hasMemory = async (state: StateLayout): Promise<boolean> =>
  (await markOf(join(state.root, 'automations.json'))) !== '0 0 0';

/** Both look, and what waits in either waits. */
export const bothEvents = (one: EventPort, other: EventPort): EventPort => ({
  look: async (document) => {
    await one.look(document);
    await other.look(document);
  },
  waiting: (deployment: Deployment) => {
    const [first, second] = [one.waiting(deployment), other.waiting(deployment)];
    return { events: [...first.events, ...second.events], isWhole: first.isWhole && second.isWhole };
  },
  settle: async (document) => {
    await one.settle(document);
    await other.settle(document);
  },
});

async function pause(state: StateLayout, name: string): Promise<boolean> {
  const at = new Date().toISOString();
  let isThere = false;
  const document = await changeProjectDocument(state, (before) => {
    const deployment = Object.hasOwn(before.deployments, name) ? before.deployments[name] : undefined;
    isThere = deployment !== undefined;
    if (deployment === undefined || deployment.paused !== null) return before;
    const { name: user, host } = thisUser();
    const paused = { at, by: { kind: 'user', name: user, host } } as const;
    // As `flowctl pause`: what schedules had put off is not made up for, what happened is.
    const queue = deployment.queue.filter(({ event }) => event !== undefined);
    const after = { ...deployment, paused, queue, updated_at: at };
    return { ...before, deployments: { ...before.deployments, [name]: after } };
  });
  unwrap(document);
  return isThere;
}

/** The config of the project that a state directory belongs to, read anew when it has changed. */
class ConfigAutomations {
  readonly #session: Session;
  readonly #state: StateLayout;
  readonly #say: (text: string, isTrouble: boolean) => void;
  #mark: string | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #project: Project | null = null;

  constructor(session: Session, state: StateLayout, say: (text: string, isTrouble: boolean) => void) {
    this.#session = session;
    this.#state = state;
    this.#say = say;
  }

  #path(): string | null {
    return discoverConfig(dirname(this.#state.root));
  }

  /** Changes with the config. */
  async mark(): Promise<string> {
    const path = this.#path();
    return path === null ? '' : markOf(path);
  }

  /** Null: there is none, it does not speak of automations, or it is not valid, which is said once. */
  async project(): Promise<Project | null> {
    const path = this.#path();
    const mark = path === null ? null : await markOf(path);
    const age = performance.now() - this.#readAt;
    if (mark === this.#mark && age < TRUST_MS) return this.#project;
    const isNews = mark !== this.#mark;
    this.#mark = mark;
    this.#readAt = performance.now();
    if (path === null || !(await mayHaveAutomations(path))) {
      this.#project = null;
      return null;
    }
    const result = await readProject(this.#session, path, null);
    if (result.kind === 'loaded') this.#project = result;
    else {
      // What it said before holds, until it is mended.
      const [first] = result.diagnostics;
      const what = first === undefined ? '' : `: ${first.code}`;
      if (isNews) this.#say(`automations: ${basename(path)} is not valid${what}; see flowctl validate`, true);
    }
    return this.#project;
  }
}

/** Most configs say nothing of them: those are not parsed for each `tick`. */
async function mayHaveAutomations(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.includes('automations') || text.includes('include');
}
