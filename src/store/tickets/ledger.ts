/**
 * A process's hold on the project's book of tickets: what limits steps and runs across all processes of a project, without a server.
 * This folder must not know what a step does, nor what a policy is called on the command line.
 *
 * The ledger knows what this process wants and has, and brings the book in line with it: every change reads the newest version, puts
 * this process's own claims right, grants whatever can be granted (to others as well), and is the next version, if nobody else was
 * first. So nothing that is lost or damaged stays so, and there is no step at which a death would hurt.
 *
 * Next: `book.ts` (the document), `settle.ts` (who is next), `versions.ts` (how it is written), `tickets.ts` (the engine's ports).
 */

import { join } from 'node:path';
import type { RunId } from '../../base/ids.ts';
import type { Capacity } from '../../model/project.ts';
import type { StateLayout } from '../layout.ts';
import { problemFrom, StateError } from '../problem.ts';
import { type Book, type ClaimRecord, emptyBook, parseBook, type SessionRecord } from './book.ts';
import { beginSession, deadAmong, type MachineClock, machineClock, takeOverBook } from './sessions.ts';
import { settle, whenNext } from './settle.ts';
import { findStuck } from './stuck.ts';
import { Versions } from './versions.ts';
import { Bell, removeBells, ring } from './wakeups.ts';
import { type ClaimAnswer, type ClaimWish, Wish, WishList } from './wishes.ts';

/** How often somebody who waits looks whether others have died, in ms. */
const LOOK_MS = 1_000;
/** The same where no bell can be heard. */
const DEAF_LOOK_MS = 200;
/** Writers that lose the race so often wait for a moment between tries. */
const EAGER_TRIES = 3;
const LONGEST_PAUSE_MS = 8;

/** What a ledger needs. */
export interface LedgerOptions {
  readonly state: StateLayout;
  /** The top-level run whose lock this process holds: when it ends, everything is given back. */
  readonly root: RunId;
  readonly resources: { readonly [name: string]: Capacity };
  /** For tests. Default: the machine's. */
  readonly clock?: MachineClock;
}

/** The claims of one tree of runs. Nothing is read or written before the first. */
export class Ledger {
  readonly resources: { readonly [name: string]: Capacity };
  readonly state: StateLayout;
  readonly #root: RunId;
  readonly #folder: string;
  readonly #versions: Versions;
  readonly #clock: MachineClock;
  readonly #wishes = new WishList();
  readonly #dead = new Set<string>();
  #session: SessionRecord | null = null;
  #bell: Bell | null = null;
  #isDeclared = false;
  #flushing: Promise<void> | null = null;
  #again = false;
  #look: NodeJS.Timeout | null = null;
  #due: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #closed = false;

  constructor({ state, root, resources, clock }: LedgerOptions) {
    this.state = state;
    this.resources = resources;
    this.#root = root;
    this.#folder = join(state.root, 'tickets');
    this.#versions = new Versions(this.#folder);
    this.#clock = clock ?? machineClock();
  }

  /**
   * Makes a claim.
   * @returns its answer, which rejects only with a `StateError`, and how it is given back or taken back.
   */
  claim(wish: ClaimWish): { readonly id: string; readonly answer: Promise<ClaimAnswer>; release(): void } {
    const session = this.#begin();
    const made = new Wish(`${session.id}.${this.#wishes.nextNumber()}`, session.id, wish);
    this.#wishes.add(made);
    this.#flushSoon();
    return {
      id: made.id,
      answer: made.answer,
      release: () => {
        if (this.#wishes.remove(made)) this.#flushSoon();
      },
    };
  }

  /** Takes a wish back if it has not been granted; its answer is `refused` then. */
  expire(id: string, why: string): void {
    const wish = this.#wishes.find(id);
    if (wish === undefined) return;
    wish.expired = why;
    this.#flushSoon();
  }

  /** The claims of every session, as they stand now. Read only. */
  claims(): readonly ClaimRecord[] {
    return this.#parse(this.#versions.read(isBook).text).claims;
  }

  /** Gives everything back. Never rejects: what cannot be written is free when the run's lock is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopLooking();
    this.#wishes.clear();
    if (this.#session === null) return;
    await this.#flushing?.catch(() => undefined);
    await this.#change().catch(() => undefined);
    this.#bell?.remove();
  }

  #begin(): SessionRecord {
    if (this.#session === null) {
      this.#session = beginSession(this.state, this.#root);
      this.#bell = new Bell(this.#folder, this.#session.id);
    }
    return this.#session;
  }

  /** Everything that is asked for in one turn of the event loop goes into one version. */
  #flushSoon(): void {
    this.#again = true;
    if (this.#closed || this.#flushing !== null) return;
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null;
      // Asked for when the last look had been taken, but was not over yet.
      if (this.#again) this.#flushSoon();
    });
  }

  async #flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#change();
      } catch (error) {
        this.#wishes.fail(error instanceof StateError ? error : new StateError(problemFrom(error, this.#folder)));
      }
    }
  }

  /** Brings the book in line with what this process wants, and tells those whose turn has come. */
  async #change(live: ReadonlySet<string> | null = null): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.#tryChange(live)) return;
      if (tries >= EAGER_TRIES) await pause(Math.min(tries, LONGEST_PAUSE_MS));
    }
  }

  #tryChange(live: ReadonlySet<string> | null): boolean {
    const { number, text } = this.#versions.read(isBook);
    const book = this.#parse(text);
    const before = JSON.stringify(book);
    const session = this.#enter(book);
    this.#wishes.putInto(book, session.id);
    const now = this.#clock.now();
    const answered = [...settle(book, now)];
    if (live !== null && book.sessions.every(({ id }) => live.has(id))) answered.push(...endCircles(book, now));
    const left = this.#wishes.leaveQueue(book);
    if (left.size > 0) answered.push(...settle(book, now));
    if (this.#closed) book.sessions = book.sessions.filter(({ id }) => id !== session.id);
    if (JSON.stringify(book) !== before && !this.#write(number, book, session)) return false;
    const others = new Set(answered.map((claim) => claim.session).filter((id) => id !== session.id));
    for (const id of others) ring(this.#folder, id);
    if (this.#closed) return true;
    if (this.#wishes.observe(book, left)) this.#again = true;
    if (this.#wishes.unchecked().length > 0) this.#lookForDead();
    this.#waitOn(book);
    return true;
  }

  #parse(text: string | null): Book {
    const book = (text === null ? null : parseBook(text)) ?? emptyBook();
    takeOverBook(book, this.#clock);
    book.boot = this.#clock.boot;
    return book;
  }

  /** Puts this session into the book, with its capacities when it is new there, and the dead out of it. */
  #enter(book: Book): SessionRecord {
    const session = this.#begin();
    book.sessions = book.sessions.filter(({ id }) => !this.#dead.has(id));
    const there = book.sessions.find(({ id }) => id === session.id);
    if (there === undefined) book.sessions.push({ ...session });
    const known = new Set(book.sessions.map(({ id }) => id));
    book.claims = book.claims.filter((claim) => known.has(claim.session));
    const isMissing = Object.keys(this.resources).some((name) => !Object.hasOwn(book.capacities, name));
    if (!this.#closed && (!this.#isDeclared || isMissing)) book.capacities = { ...book.capacities, ...this.resources };
    return there ?? session;
  }

  #write(number: number, book: Book, session: SessionRecord): boolean {
    const commits = session.commits + 1;
    const there = book.sessions.find(({ id }) => id === session.id);
    if (there !== undefined) there.commits = commits;
    book.at = this.#clock.now();
    book.wall = this.#clock.wall();
    const outcome = this.#versions.follow(number, JSON.stringify(book));
    if (outcome === 'done' || (outcome === 'uncertain' && this.#hasCounted(session.id, commits))) {
      this.#isDeclared = true;
      return true;
    }
    return false;
  }

  #hasCounted(session: string, commits: number): boolean {
    const { sessions } = this.#parse(this.#versions.read(isBook).text);
    const there = sessions.find(({ id }) => id === session);
    return this.#closed ? there === undefined : there !== undefined && there.commits >= commits;
  }

  /** Listens, looks now and then, and minds the time, as long as something is waited for. */
  #waitOn(book: Book): void {
    if (!this.#wishes.isWaiting) return this.#stopLooking();
    const { hears } = this.#bell ?? { hears: false };
    this.#bell?.listen(() => this.#flushSoon());
    // What came before the bell hung was not heard.
    if (!hears && this.#bell?.hears === true) this.#again = true;
    this.#look ??= setInterval(() => this.#lookForDead(), this.#bell?.hears === true ? LOOK_MS : DEAF_LOOK_MS);
    if (this.#due !== null) clearTimeout(this.#due);
    const now = this.#clock.now();
    const next = whenNext(book, this.#begin().id, now);
    this.#due = next === null ? null : setTimeout(() => this.#flushSoon(), Math.min(next - now, 2 ** 31 - 1));
  }

  #stopLooking(): void {
    if (this.#look !== null) clearInterval(this.#look);
    if (this.#due !== null) clearTimeout(this.#due);
    this.#look = null;
    this.#due = null;
  }

  /** Frees what the dead hold, and ends circles of those who wait for each other. */
  #lookForDead(): void {
    this.#looking ??= this.#freeDead()
      .catch((error: unknown) => this.#wishes.fail(new StateError(problemFrom(error, this.#folder))))
      .finally(() => {
        this.#looking = null;
        // Those that came while the look was under way.
        if (!this.#closed && this.#wishes.unchecked().length > 0) this.#lookForDead();
      });
  }

  async #freeDead(): Promise<void> {
    const unchecked = this.#wishes.unchecked();
    const { sessions } = this.#parse(this.#versions.read(isBook).text);
    const own = this.#begin().id;
    const dead = await deadAmong(
      this.state,
      sessions.filter(({ id }) => id !== own),
    );
    if (this.#closed) return;
    for (const id of dead) this.#dead.add(id);
    if (dead.size > 0) {
      removeBells(this.#folder, (id) => this.#dead.has(id));
      this.#versions.sweep();
    }
    for (const wish of unchecked) wish.isChecked = true;
    await this.#flushing;
    if (this.#closed) return;
    await this.#change(new Set(sessions.map(({ id }) => id).filter((id) => !dead.has(id))));
    if (this.#again) this.#flushSoon();
  }
}

const isBook = (text: string): boolean => parseBook(text) !== null;

function endCircles(book: Book, now: number): readonly ClaimRecord[] {
  const answered: ClaimRecord[] = [];
  for (let claim = findStuck(book, now); claim !== null; claim = findStuck(book, now)) {
    claim.state = 'refused';
    claim.why = 'it and others wait for what the groups or runs around each other hold, and none could ever go on';
    answered.push(claim, ...settle(book, now));
  }
  return answered;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
