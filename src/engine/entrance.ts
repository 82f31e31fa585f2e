/** Whether a run may begin: asked of its concurrency group, once in each life. */

import type { EventBody } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import type { Inbox, Message } from './inbox.ts';
import type { Admission } from './ports.ts';

/** The entrance of one life of a run. */
export class Entrance {
  /** Why the run may not begin at all; null otherwise. */
  refusal: string | null = null;
  private readonly admission: Admission | null;
  private readonly inbox: Inbox;
  private wish: ReturnType<Admission['request']> | null = null;
  private isOpen: boolean;

  /** @param admission null for a run that belongs to no group. */
  constructor(admission: Admission | null, inbox: Inbox) {
    this.admission = admission;
    this.inbox = inbox;
    this.isOpen = admission === null;
  }

  /** True while nothing of the run may begin. */
  get isClosed(): boolean {
    return !this.isOpen;
  }

  /** The refusal as the end of the run tells it. */
  get error(): Failure | null {
    return this.refusal === null ? null : { code: 'start_refused', message: this.refusal };
  }

  /** Asks; the answer comes as a message. */
  ask(): void {
    if (this.admission === null) return;
    this.wish = this.admission.request(() => this.inbox.put({ kind: 'run_queued' }));
    this.wish.answer.then(
      (answer) =>
        this.inbox.put(
          answer.kind === 'admitted' ? { kind: 'run_admitted' } : { kind: 'run_refused', message: answer.message },
        ),
      (error: unknown) => this.inbox.put({ kind: 'journal_failed', error }),
    );
  }

  /** Takes in what came of asking. @returns what is to be recorded of it. */
  hear(
    message: Extract<Message, { kind: 'run_queued' | 'run_admitted' | 'run_refused' }>,
    run: RunRecord,
  ): readonly EventBody[] {
    if (this.admission === null || run.ending !== null) return [];
    const { group, limit } = this.admission;
    switch (message.kind) {
      case 'run_queued':
        return this.isOpen ? [] : [{ type: 'run.queued', group, limit }];
      case 'run_admitted':
        this.isOpen = true;
        return run.queued_for === null ? [] : [{ type: 'run.admitted', group }];
      case 'run_refused':
        this.refusal = message.message;
        return [];
    }
  }

  /** The run is over, or begins no more: others may. */
  leave(): void {
    this.wish?.withdraw();
    this.wish = null;
  }
}
