/**
 * A run's seat at the ledger: it speaks the engine's port `Tickets` for one run, and knows what that run holds, so that steps inside
 * a group, and the runs inside a step, share it instead of waiting for their own run.
 */

import type { RunId, StepKey } from '../../base/ids.ts';
import type { Claim, TicketRequest, Tickets } from '../../engine/ports.ts';
import type { Capacity } from '../../model/project.ts';
import type { ClaimRecord, Need } from './book.ts';
import type { Ledger } from './ledger.ts';

/** What a run holds, as those within it see it. */
interface Holding {
  readonly id: string;
  readonly needs: readonly Need[];
}

/** Where a run sits. */
export interface SeatOptions {
  readonly ledger: Ledger;
  readonly run: RunId;
  /** The step of another run of the tree that this run belongs to; null for a top-level run. */
  readonly within: { readonly seat: Seat; readonly step: StepKey } | null;
  /** Of a top-level run that was started inside steps of others: those, the outermost first. */
  readonly outer?: readonly OuterStep[];
}

/** A step of a run that another process lives. */
export interface OuterStep {
  readonly run: RunId;
  readonly step: StepKey;
}

/** One run's side of the ledger. */
export class Seat implements Tickets {
  readonly ledger: Ledger;
  readonly run: RunId;
  readonly #within: SeatOptions['within'];
  readonly #outer: readonly OuterStep[];
  readonly #held = new Map<StepKey, Holding>();
  readonly #requests = new Set<{ release(): void }>();
  #place: { readonly holding: Holding; readonly group: string } | null = null;

  constructor({ ledger, run, within, outer = [] }: SeatOptions) {
    this.ledger = ledger;
    this.run = run;
    this.#within = within;
    this.#outer = outer;
  }

  request({ step, resources, priority }: Claim, queued: () => void): TicketRequest {
    const around = this.around(step);
    const needs = Object.entries(resources)
      .filter(([, units]) => units > 0)
      .map(([resource, units]): Need => ({ resource, units, from: this.#sharedBy(around, resource) }));
    const why = needs.map((need) => this.#whyUnknown(need)).find((reason) => reason !== null) ?? null;
    if (why !== null) return answered({ kind: 'impossible', failure: { code: 'resources', message: why } });
    if (needs.length === 0) return answered({ kind: 'granted', units: {} });
    const { id, answer, release } = this.ledger.claim({
      ...{ run: this.run, step, needs, group: null, priority, leave: null },
      within: around[0]?.id ?? null,
      queued: () => queued(),
    });
    let isReleased = false;
    const request = {
      release: (): void => {
        isReleased = true;
        this.#requests.delete(request);
        if (this.#held.get(step)?.id === id) this.#held.delete(step);
        release();
      },
    };
    this.#requests.add(request);
    return {
      release: request.release,
      answer: answer.then((given) => {
        if (given.kind === 'refused') {
          return { kind: 'impossible', failure: { code: 'resources', message: given.why } } as const;
        }
        if (!isReleased) this.#held.set(step, { id, needs });
        return given;
      }),
    };
  }

  /** What is held around a step of this run, the nearest first: by groups and maps it is part of, by its run, by the runs around that. */
  around(step: StepKey | null): readonly Holding[] {
    const own = [...this.#held].filter(([key]) => step !== null && isInside(step, key));
    own.sort(([one], [other]) => other.length - one.length);
    const holdings = own.map(([, holding]) => holding);
    if (step !== null && this.#place !== null) holdings.push(this.#place.holding);
    if (this.#within === null) return [...holdings, ...this.#heldOutside()];
    const { seat, step: parent } = this.#within;
    const itself = seat.#held.get(parent);
    return [...holdings, ...(itself === undefined ? [] : [itself]), ...seat.around(parent)];
  }

  /** Sits down in a concurrency group: what runs within this one shares the place. */
  takePlace(group: string, id: string): void {
    this.#place = { group, holding: { id, needs: [] } };
  }

  /** Gives a place up. */
  leavePlace(): void {
    this.#place = null;
  }

  /** True when a run around this one has a place in the group: then this one has it, too. */
  sharesPlace(group: string): boolean {
    for (let seat = this.#within?.seat; seat !== undefined; seat = seat.#within?.seat) {
      if (seat.#place?.group === group) return true;
    }
    return this.#top.#heldOutside().some((claim) => claim.group?.name === group);
  }

  get #top(): Seat {
    return this.#within === null ? this : this.#within.seat.#top;
  }

  /** What the steps that this program was started in hold, and their runs: the book says so. */
  #heldOutside(): readonly ClaimRecord[] {
    if (this.#outer.length === 0) return [];
    const held = this.ledger.claims().filter(({ state }) => state === 'held');
    return [...this.#outer].reverse().flatMap(({ run, step }) => {
      const around = held.filter((claim) => {
        if (claim.run !== run) return false;
        return claim.step === null || claim.step === step || isInside(step, claim.step);
      });
      return around.sort((one, other) => (other.step?.length ?? 0) - (one.step?.length ?? 0));
    });
  }

  /** Adds something to be given back with the rest. @returns what takes it out again. */
  keep(request: { release(): void }): () => void {
    this.#requests.add(request);
    return () => this.#requests.delete(request);
  }

  /** Gives everything of this run back: it has ended. */
  leave(): void {
    for (const request of [...this.#requests]) request.release();
  }

  /** The nearest claim around that holds some of it. A rate is no share: every start counts for itself. */
  #sharedBy(around: readonly Holding[], resource: string): string | null {
    if (this.#capacity(resource)?.kind === 'rate') return null;
    return around.find(({ needs }) => needs.some((need) => need.resource === resource))?.id ?? null;
  }

  /** What needs no look into the book. */
  #whyUnknown({ resource, units, from }: Need): string | null {
    if (from !== null) return null;
    const capacity = this.#capacity(resource);
    if (capacity === null) return `the project has no resource \`${resource}\``;
    const most = mostOf(capacity);
    const isOrAre = most === 1 ? 'is' : 'are';
    return units > most ? `it needs ${units} of \`${resource}\`, and there ${isOrAre} only ${most}` : null;
  }

  #capacity(resource: string): Capacity | null {
    const { resources } = this.ledger;
    return Object.hasOwn(resources, resource) ? (resources[resource] ?? null) : null;
  }
}

/** The most of a capacity that can be had at once. */
function mostOf(capacity: Capacity): number {
  switch (capacity.kind) {
    case 'amount':
      return capacity.units;
    case 'named':
      return capacity.names.length;
    case 'rate':
      return capacity.max;
  }
}

/** `group/member`, `group[3]` and `group[3]/member` are inside of `group`. */
const isInside = (step: StepKey, group: StepKey): boolean =>
  step.startsWith(group) && (step[group.length] === '/' || step[group.length] === '[');

const answered = (answer: Awaited<TicketRequest['answer']>): TicketRequest => ({
  answer: Promise.resolve(answer),
  release: () => undefined,
});
