/**
 * The book: one small JSON document that says who holds what of the project's capacities and who waits, for all runs together. It
 * is plain data; `settle.ts` decides in it, `versions.ts` keeps it on disk. It needs to survive `kill -9`, and no more than that:
 * after a power cut every run that it names is dead.
 */

import type { RunId, StepKey } from '../../base/ids.ts';
import { isJsonObject, type Json } from '../../base/json.ts';
import type { Capacity } from '../../model/project.ts';

/** The version of the document. */
export const BOOK_FORMAT = 1;

/** One life of a tree of runs: what it claims lives as long as it does. */
export interface SessionRecord {
  readonly id: string;
  /** The run whose kernel lock says whether the session lives. */
  readonly root: RunId;
  /** What the lock file says of its owner; another text there means another life. */
  readonly owner: { readonly pid: number; readonly since: string };
  /** How often the session has changed the book. */
  commits: number;
}

/** So much of one resource. */
export interface Need {
  readonly resource: string;
  readonly units: number;
  /** The claim out of whose share it is taken; null: out of the project's capacity. */
  readonly from: string | null;
}

/** A place in a concurrency group. */
export interface GroupPlace {
  readonly name: string;
  /** How many may have a place when this one is given. Null: it is given whatever there is, and counts all the same. */
  readonly limit: number | null;
}

/** A wish, or what was granted. */
export interface ClaimRecord {
  readonly id: string;
  readonly session: string;
  readonly run: RunId;
  /** Null: the run itself, in its concurrency group. */
  readonly step: StepKey | null;
  /** The claim that cannot be given back before this one is granted and has ended: that of the group or run around it. */
  readonly within: string | null;
  readonly needs: readonly Need[];
  readonly group: GroupPlace | null;
  readonly priority: number;
  /** The order of arrival, counted by the book. */
  readonly arrival: number;
  state: 'waiting' | 'held' | 'refused';
  /** Of a refused one: why. */
  why: string | null;
  /** Named units that were granted, by resource. */
  units: { readonly [resource: string]: readonly string[] };
}

/** Starts of a limited rate that lie close together: when the first and the last was, in monotonic ms, and how many. */
export type Starts = readonly [first: number, last: number, units: number];

/** The whole document. */
export interface Book {
  readonly format: typeof BOOK_FORMAT;
  /** Of the machine's life in which `at` was taken; null where the system has no such thing. */
  boot: string | null;
  /** When it was written: ms of the monotonic clock of the machine, and of the wall clock. */
  at: number;
  wall: number;
  /** The last order of arrival that was given. */
  arrivals: number;
  /** As the session that began last has them. */
  capacities: { readonly [resource: string]: Capacity };
  starts: { readonly [resource: string]: readonly Starts[] };
  sessions: SessionRecord[];
  claims: ClaimRecord[];
}

/** A book without entries. */
export const emptyBook = (): Book => ({
  format: BOOK_FORMAT,
  boot: null,
  at: 0,
  wall: 0,
  arrivals: 0,
  capacities: {},
  starts: {},
  sessions: [],
  claims: [],
});

/** Reads a book; null for a text that is none. What is looked at is what a wrong value would break. */
export function parseBook(text: string): Book | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isJsonObject(value) || value['format'] !== BOOK_FORMAT) return null;
  const { arrivals, at, wall, sessions, claims, capacities, starts } = value;
  const numbers = [arrivals, at, wall].every((member) => typeof member === 'number');
  const objects = [capacities, starts].every((member) => isJsonObject(member ?? null));
  const lists = isListOf(sessions, isSession) && isListOf(claims, isClaim);
  return numbers && objects && lists ? (value as unknown as Book) : null;
}

const isListOf = (value: Json | undefined, isMember: (member: Json) => boolean): boolean =>
  Array.isArray(value) && value.every(isMember);

function isSession(value: Json): boolean {
  if (!isJsonObject(value)) return false;
  const { id, root, owner, commits } = value;
  if (typeof id !== 'string' || typeof root !== 'string' || typeof commits !== 'number') return false;
  return isJsonObject(owner ?? null);
}

function isClaim(value: Json): boolean {
  if (!isJsonObject(value)) return false;
  const { id, session, needs, priority, arrival, state, units } = value;
  const texts = [id, session, state].every((member) => typeof member === 'string');
  const numbers = [priority, arrival].every((member) => typeof member === 'number');
  return texts && numbers && isListOf(needs, isNeed) && isJsonObject(units ?? null);
}

const isNeed = (value: Json): boolean =>
  isJsonObject(value) && typeof value['resource'] === 'string' && typeof value['units'] === 'number';
