/** Who waits to hear what becomes of an event, for a while. */

import type { RunId } from '../base/ids.ts';
import type { ProjectDocument } from '../model/deployment.ts';

/** How long: senders of requests give up after ten seconds or so. */
const PATIENCE_MS = 5_000;

/** Those of one process. */
export class Outcomes {
  readonly #hearing = new Map<RunId, (document: ProjectDocument) => void>();

  /** The run that is to be, also where that is not known in time: the event is on disk. Null: none is to be. */
  of(event: RunId): Promise<RunId | null> {
    return new Promise((resolve) => {
      const done = (run: RunId | null): void => {
        clearTimeout(timer);
        this.#hearing.delete(event);
        resolve(run);
      };
      const timer = setTimeout(() => done(event), PATIENCE_MS);
      this.#hearing.set(event, (document) => done(willRun(document, event) ? event : null));
    });
  }

  /** Tells of an event that a document names as taken. */
  tell(event: RunId, document: ProjectDocument): void {
    this.#hearing.get(event)?.(document);
  }
}

const willRun = ({ deployments }: ProjectDocument, event: RunId): boolean =>
  Object.values(deployments).some(
    ({ claims, open, queue }) =>
      [...claims, ...open].some(({ run }) => run === event) || queue.some((each) => each.event?.id === event),
  );
