/** Looks at the deployments again and again: when the next instant comes, when the document changes, and now and then in any case. */

import { nextLook } from '../schedules/due.ts';
import { Timetables } from '../schedules/timetables.ts';
import { pass, type SchedulerPorts } from './pass.ts';

/** What the loop needs beside the ports of a pass. */
export interface ServePorts extends SchedulerPorts {
  /** Resolves after a time, or at once when it is asked to stop. */
  sleep(ms: number): Promise<void>;
  isStopped(): boolean;
  /** Changes whenever the document does: cheap to ask. */
  documentMark(): Promise<string>;
  /** Told when a look has failed; of the looks after it, until one succeeds, only what fails otherwise. The next one may not. */
  failed(error: unknown): void;
}

/** How often it asks whether the document changed, or a run that others wait for is over. */
const PAUSE_MS = 1_000;
/** How long it trusts what it computed; a clock that is set is seen at once. Where files are watched, events may go by unheard. */
const TRUST_MS = 600_000;
const TRUST_WITH_TRIGGERS_MS = 30_000;

/** Runs until it is stopped. */
export async function serve(ports: ServePorts): Promise<void> {
  const timetables = new Timetables();
  let mark: string | null = null;
  let due: number | null = null;
  let looked = Number.NEGATIVE_INFINITY;
  let isWaiting = true;
  let trust = TRUST_WITH_TRIGGERS_MS;
  let failure: string | null = null;
  while (!ports.isStopped()) {
    const now = ports.now();
    try {
      const found = await ports.documentMark();
      const isTrusted = now - looked < trust && now >= looked;
      if (found !== mark || !isTrusted || isWaiting || (due !== null && due <= now)) {
        await pass(ports, timetables);
        const document = await ports.read();
        const deployments = Object.values(document.deployments);
        // As it was before the look: what changes during it is looked at again, be it this look's own doing.
        mark = found;
        const next = deployments.flatMap((each) => nextLook(each, timetables.of(each), now) ?? []);
        due = next.reduce<number | null>((least, each) => (least === null ? each : Math.min(least, each)), null);
        // A run that is over makes room for the next one of its deployment.
        isWaiting = deployments.some(({ queue, claims }) => queue.length + claims.length > 0);
        trust = deployments.some(({ triggers = [] }) => triggers.length > 0) ? TRUST_WITH_TRIGGERS_MS : TRUST_MS;
        // Not the time by now: a clock that was set back during the look is seen in the next one.
        looked = now;
      }
      failure = null;
    } catch (error) {
      const said = String(error);
      if (said !== failure) ports.failed(error);
      failure = said;
    }
    // What failed is not tried again at once: a full disk stays full.
    const left = due === null || failure !== null ? PAUSE_MS : due - ports.now();
    await ports.sleep(Math.max(10, Math.min(PAUSE_MS, left)));
  }
}
