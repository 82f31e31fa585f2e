/** Capacities that the steps of a run hold or wait for: asked for once, given back when the attempt or the step has ended. */

import type { StepKey } from '../base/ids.ts';
import type { Inbox } from './inbox.ts';
import type { Answer } from './node.ts';
import type { Claim, TicketRequest, Tickets } from './ports.ts';

/** The grants of one engine. */
export class Grants {
  private readonly tickets: Tickets | null;
  private readonly inbox: Inbox;
  private readonly held = new Map<StepKey, TicketRequest>();

  /** @param tickets null where nothing is shared: every claim is granted. */
  constructor(tickets: Tickets | null, inbox: Inbox) {
    this.tickets = tickets;
    this.inbox = inbox;
  }

  /** Asks for capacities; the answer comes when they are there. */
  async request(claim: Claim): Promise<Answer> {
    if (this.tickets === null) return { kind: 'granted', units: {} };
    const request = this.tickets.request(claim, () => {
      this.inbox.put({ kind: 'claim_queued', step: claim.step, resources: Object.keys(claim.resources) });
    });
    this.held.set(claim.step, request);
    const answer = await request.answer;
    return answer.kind === 'granted' ? answer : { kind: 'broken', failure: answer.failure };
  }

  /** Gives back what a step holds, or takes its wish back. */
  release(step: StepKey): void {
    this.held.get(step)?.release();
    this.held.delete(step);
  }

  /** Gives everything back: the run is over. */
  releaseAll(): void {
    for (const step of [...this.held.keys()]) this.release(step);
  }
}
