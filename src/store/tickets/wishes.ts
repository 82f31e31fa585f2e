/** What this process wants and has, whatever the book says: the book is put right from this list, and the answers are read off it. */

import type { StateError } from '../problem.ts';
import type { Book, ClaimRecord } from './book.ts';

/** What is wished for. */
export interface ClaimWish extends Pick<ClaimRecord, 'run' | 'step' | 'within' | 'needs' | 'group' | 'priority'> {
  /**
   * Asked while the claim would have to wait, when the dead have been looked for: why it is refused instead; null: it waits.
   * @param book with the claim in it.
   */
  readonly leave: ((claim: ClaimRecord, book: Book) => string | null) | null;
  /** Called at most once, when the claim has to wait. @param book null while too many like it of this process wait already. */
  readonly queued: (claim: ClaimRecord, book: Book | null) => void;
}

/** What became of a wish. */
export type ClaimAnswer =
  | { readonly kind: 'granted'; readonly units: { readonly [resource: string]: readonly string[] } }
  | { readonly kind: 'refused'; readonly why: string };

/** A wish, from when it is made to when it is given back. */
export class Wish {
  readonly id: string;
  readonly wish: ClaimWish;
  readonly answer: Promise<ClaimAnswer>;
  /** As the book is to have it. */
  record: ClaimRecord;
  /** `behind`: so many like it wait already that it is not in the book yet. */
  state: 'new' | 'behind' | 'waiting' | 'held' = 'new';
  /** True when the dead were looked for since it was made. */
  isChecked = false;
  isQueued = false;
  /** Why nobody waits for it any longer. */
  expired: string | null = null;
  /** The same for wishes that stand for each other: equal needs and priority. */
  readonly kind: string;
  resolve: (answer: ClaimAnswer) => void = () => undefined;
  reject: (error: StateError) => void = () => undefined;

  constructor(id: string, session: string, wish: ClaimWish) {
    const { run, step, within, needs, group, priority } = wish;
    this.id = id;
    this.wish = wish;
    this.record = {
      ...{ id, session, run, step, within, needs, group, priority },
      ...{ arrival: 0, state: 'waiting', why: null, units: {} },
    };
    this.kind = JSON.stringify([needs, group, priority, group === null ? null : id]);
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever asked hears of it; nobody need be listening any more.
    this.answer.catch(() => undefined);
  }

  /** Tells, once, that others come first. */
  tellQueued(claim: ClaimRecord, book: Book | null): void {
    if (this.isQueued) return;
    this.isQueued = true;
    this.wish.queued(claim, book);
  }
}

/**
 * So many wishes of one kind are in the book at once; the others of this process come after them. A map of 10,000 items would make
 * every change of the book slow, and would keep other runs waiting behind all of it.
 */
const MOST_ALIKE = 32;

/** All of them, in the order in which they were made. */
export class WishList {
  readonly #wishes = new Map<string, Wish>();
  /** Those that are in the book, or go there next. */
  readonly #published = new Map<string, Wish>();
  readonly #alike = new Map<string, number>();
  readonly #behind = new Map<string, Wish[]>();
  #numbers = 0;

  /** A number that no other wish of this process has. */
  nextNumber(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** True when an answer is outstanding. */
  get isWaiting(): boolean {
    for (const { state } of this.#published.values()) {
      if (state !== 'held') return true;
    }
    return false;
  }

  /** A wish that was not taken back, by its id. */
  find(id: string): Wish | undefined {
    return this.#wishes.get(id);
  }

  /** Adds a wish. */
  add(wish: Wish): void {
    this.#wishes.set(wish.id, wish);
    if ((this.#alike.get(wish.kind) ?? 0) < MOST_ALIKE) return this.#publish(wish);
    wish.state = 'behind';
    const behind = this.#behind.get(wish.kind) ?? [];
    behind.push(wish);
    this.#behind.set(wish.kind, behind);
    wish.tellQueued(wish.record, null);
  }

  /** Takes a wish away, granted or not. @returns true when the book has to follow. */
  remove(wish: Wish): boolean {
    if (!this.#wishes.delete(wish.id)) return false;
    const wasPublished = this.#published.delete(wish.id);
    if (wasPublished && wish.state !== 'held') this.#makeRoom(wish.kind);
    return wasPublished;
  }

  /** Takes all of them away. */
  clear(): void {
    this.#wishes.clear();
    this.#published.clear();
    this.#alike.clear();
    this.#behind.clear();
  }

  /** Ends every wish that is not granted, for the book cannot be written. */
  fail(error: StateError): void {
    for (const wish of [...this.#wishes.values()]) {
      if (wish.state === 'held') continue;
      this.remove(wish);
      wish.reject(error);
    }
  }

  /** Those that wait for the first look at who is dead. */
  unchecked(): readonly Wish[] {
    return [...this.#published.values()].filter(({ state, isChecked }) => state === 'waiting' && !isChecked);
  }

  /** Makes the claims of this session in the book those of this list. */
  putInto(book: Book, session: string): void {
    book.claims = book.claims.filter((claim) => claim.session !== session || this.#published.has(claim.id));
    const there = new Map(book.claims.map((claim) => [claim.id, claim]));
    for (const { id, record, state } of this.#published.values()) {
      const claim = there.get(id);
      if (claim === undefined) {
        const arrival = record.arrival === 0 ? book.arrivals + 1 : record.arrival;
        book.arrivals = Math.max(book.arrivals, arrival);
        book.claims.push({ ...record, arrival });
      } else if (state === 'held' && claim.state !== 'held') {
        Object.assign(claim, { state, units: record.units });
      }
    }
  }

  /** Takes those out of the book that do not wait any longer, or at all. @returns them, with the reason. */
  leaveQueue(book: Book): ReadonlyMap<Wish, string> {
    const left = new Map<Wish, string>();
    for (const claim of book.claims) {
      const wish = claim.state === 'waiting' ? this.#published.get(claim.id) : undefined;
      if (wish === undefined) continue;
      const why = wish.expired ?? (wish.isChecked ? (wish.wish.leave?.(claim, book) ?? null) : null);
      if (why !== null) left.set(wish, why);
    }
    const ids = new Set([...left.keys()].map(({ id }) => id));
    if (ids.size > 0) book.claims = book.claims.filter(({ id }) => !ids.has(id));
    return left;
  }

  /**
   * Reads answers off a book that is on disk now.
   * @param left those that were taken out of it.
   * @returns true when the book has to be changed again for what follows.
   */
  observe(book: Book, left: ReadonlyMap<Wish, string>): boolean {
    let again = false;
    const there = new Map(book.claims.map((claim) => [claim.id, claim]));
    for (const wish of [...this.#published.values()]) {
      if (wish.state === 'held') continue;
      const why = left.get(wish);
      const claim = there.get(wish.id);
      if (why !== undefined) {
        again = this.#refuse(wish, why) || again;
      } else if (claim?.state === 'refused') {
        this.#refuse(wish, claim.why ?? 'it was refused');
        again = true;
      } else if (claim?.state === 'held') {
        wish.state = 'held';
        wish.record = { ...claim };
        again = this.#makeRoom(wish.kind) || again;
        wish.resolve({ kind: 'granted', units: claim.units });
      } else if (claim !== undefined) {
        wish.state = 'waiting';
        wish.record = { ...claim };
        if (wish.isChecked) wish.tellQueued(claim, book);
      }
    }
    return again;
  }

  /** @returns true when another one came into its place. */
  #refuse(wish: Wish, why: string): boolean {
    this.#wishes.delete(wish.id);
    this.#published.delete(wish.id);
    wish.resolve({ kind: 'refused', why });
    return this.#makeRoom(wish.kind);
  }

  #publish(wish: Wish): void {
    wish.state = 'new';
    this.#published.set(wish.id, wish);
    this.#alike.set(wish.kind, (this.#alike.get(wish.kind) ?? 0) + 1);
  }

  /** One of a kind does not wait any more: the next of those behind comes into the book. @returns true when there was one. */
  #makeRoom(kind: string): boolean {
    this.#alike.set(kind, (this.#alike.get(kind) ?? 1) - 1);
    const behind = this.#behind.get(kind) ?? [];
    while (behind.length > 0) {
      const next = behind.shift();
      if (next === undefined || !this.#wishes.has(next.id)) continue;
      this.#publish(next);
      return true;
    }
    return false;
  }
}
