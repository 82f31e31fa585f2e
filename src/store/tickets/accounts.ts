/** What is left of each capacity, as a book has it: of the project's, of what a claim shares with those within it, and of groups. */

import type { Capacity } from '../../model/project.ts';
import type { Book, ClaimRecord, GroupPlace, Need } from './book.ts';
import { freeStarts, withStart } from './rates.ts';

/** One capacity, or one share of one. */
interface Account {
  free: number;
  /** Promised to claims that wait, in their order; nobody behind them may have it. */
  reserved: number;
  /** Of named units: those that nobody has, the lowest first. */
  readonly names: string[] | null;
  /** The most that could ever be had. */
  readonly capacity: number;
}

/** The accounts of a book at one instant. Changes of theirs go into the book with `grant`. */
export class Accounts {
  readonly #book: Book;
  readonly #now: number;
  readonly #claims: ReadonlyMap<string, ClaimRecord>;
  readonly #accounts = new Map<string, Account>();
  readonly #groups = new Map<string, { members: number; reserved: number }>();

  constructor(book: Book, now: number) {
    this.#book = book;
    this.#now = now;
    this.#claims = new Map(book.claims.map((claim) => [claim.id, claim]));
    for (const claim of book.claims) {
      if (claim.state === 'held') this.#charge(claim);
    }
  }

  /** Why a claim can never be granted; null when it can. */
  whyImpossible(claim: ClaimRecord): string | null {
    for (const { resource, units, from } of claim.needs) {
      const account = this.#account(resource, from);
      if (account === null) {
        return from === null ? `the project has no resource \`${resource}\`` : `its share of \`${resource}\` is gone`;
      }
      if (units > account.capacity) {
        return from === null
          ? `it needs ${units} of \`${resource}\`, and there ${isOrAre(account.capacity)} ${account.capacity}`
          : `it needs ${units} of \`${resource}\`, and what it is part of holds ${account.capacity}`;
      }
    }
    return null;
  }

  /** True when everything that a claim needs is free, what earlier ones wait for left out. */
  fits({ needs, group }: ClaimRecord): boolean {
    return this.#hasPlace(group) && needs.every((need) => this.#hasUnits(need));
  }

  /** Keeps what a waiting claim needs from those behind it, as far as it goes. */
  reserve({ needs, group }: ClaimRecord): void {
    if (group !== null) this.#members(group.name).reserved += 1;
    for (const { resource, units, from } of needs) {
      const account = this.#account(resource, from);
      if (account !== null) account.reserved += units;
    }
  }

  /** Gives a claim what it needs, and writes that into the book. */
  grant(claim: ClaimRecord): void {
    const named: [string, readonly string[]][] = [];
    if (claim.group !== null) this.#members(claim.group.name).members += 1;
    for (const { resource, units, from } of claim.needs) {
      const account = this.#account(resource, from);
      if (account === null) continue;
      account.free -= units;
      if (account.names !== null) named.push([resource, account.names.splice(0, units)]);
      const rate = from === null ? this.#capacity(resource) : null;
      if (rate?.kind !== 'rate') continue;
      const starts = withStart(this.#startsOf(resource), rate, this.#now, units);
      this.#book.starts = { ...this.#book.starts, [resource]: starts };
    }
    claim.state = 'held';
    claim.units = Object.fromEntries(named);
  }

  #hasPlace(group: GroupPlace | null): boolean {
    if (group === null || group.limit === null) return true;
    const { members, reserved } = this.#members(group.name);
    return members + reserved < group.limit;
  }

  #hasUnits({ resource, units, from }: Need): boolean {
    const account = this.#account(resource, from);
    return account !== null && units <= account.free - account.reserved;
  }

  #charge(claim: ClaimRecord): void {
    if (claim.group !== null) this.#members(claim.group.name).members += 1;
    for (const { resource, units, from } of claim.needs) {
      const account = this.#account(resource, from);
      const rate = from === null && this.#capacity(resource)?.kind === 'rate';
      if (account === null || rate) continue;
      account.free -= units;
      const taken = claim.units[resource] ?? [];
      const { names } = account;
      if (names !== null) names.splice(0, names.length, ...names.filter((name) => !taken.includes(name)));
    }
  }

  #members(group: string): { members: number; reserved: number } {
    const known = this.#groups.get(group) ?? { members: 0, reserved: 0 };
    this.#groups.set(group, known);
    return known;
  }

  #account(resource: string, from: string | null): Account | null {
    const key = from === null ? resource : `${from}/${resource}`;
    const known = this.#accounts.get(key);
    if (known !== undefined) return known;
    const made = from === null ? this.#whole(resource) : this.#share(resource, from);
    if (made !== null) this.#accounts.set(key, made);
    return made;
  }

  #whole(resource: string): Account | null {
    const capacity = this.#capacity(resource);
    switch (capacity?.kind) {
      case undefined:
        return null;
      case 'amount':
        return account(capacity.units, null);
      case 'named':
        return account(capacity.names.length, capacity.names);
      case 'rate':
        return {
          ...account(capacity.max, null),
          free: freeStarts(this.#startsOf(resource), capacity, this.#now),
        };
    }
  }

  #share(resource: string, from: string): Account | null {
    const holder = this.#claims.get(from);
    const need = holder?.needs.find((held) => held.resource === resource);
    if (holder?.state !== 'held' || need === undefined) return null;
    return account(need.units, holder.units[resource] ?? null);
  }

  #capacity(resource: string): Capacity | null {
    const { capacities } = this.#book;
    return Object.hasOwn(capacities, resource) ? (capacities[resource] ?? null) : null;
  }

  #startsOf(resource: string) {
    const { starts } = this.#book;
    return Object.hasOwn(starts, resource) ? (starts[resource] ?? []) : [];
  }
}

const account = (capacity: number, names: readonly string[] | null): Account => ({
  free: capacity,
  reserved: 0,
  names: names === null ? null : [...names],
  capacity,
});

const isOrAre = (count: number): string => (count === 1 ? 'is only' : 'are only');
