/** The journals of a run and of its sub-runs, read without any code of the program: what is claimed of it is proven by other means. */

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** A line of a journal, as far as it matters here. */
export interface RecordedEvent {
  readonly seq: number;
  readonly type: string;
  readonly step?: string | null;
  readonly outcome?: string;
  readonly continues?: boolean;
  readonly tolerated?: boolean;
  readonly child?: string;
  readonly state?: string;
  readonly process?: { readonly group: number };
}

/** One journal. */
export interface RecordedRun {
  readonly id: string;
  readonly file: string;
  readonly events: readonly RecordedEvent[];
  /** The good lines, byte for byte. */
  readonly lines: readonly string[];
  /** What is wrong with it beside a torn tail; null: nothing. */
  readonly damage: string | null;
}

/** Reads a journal up to its first bad line. */
export function readRecord(id: string, file: string): RecordedRun {
  const lines: string[] = [];
  const events: RecordedEvent[] = [];
  let damage: string | null = null;
  const all = existsSync(file) ? readFileSync(file, 'latin1').split('\n') : [];
  const unfinished = all.pop() ?? '';
  for (const [index, line] of all.entries()) {
    const sealed = /^(.*),"crc":"([0-9a-f]{8})"\}$/s.exec(line);
    const body = sealed?.[1] ?? '';
    const isGood = sealed !== null && crc32(Buffer.from(body, 'latin1')) === Number.parseInt(sealed[2] ?? '', 16);
    if (!isGood) {
      if (index < all.length - 1 || unfinished !== '') damage = `line ${index} is bad, and others follow it`;
      break;
    }
    lines.push(line);
    if (index === 0) continue;
    const event = JSON.parse(`${Buffer.from(body, 'latin1').toString('utf8')}}`) as RecordedEvent;
    if (event.seq !== index) damage ??= `line ${index} has seq ${event.seq}`;
    events.push(event);
  }
  return { id, file, events, lines, damage };
}

/** The journals of a run and of everything beneath it, its own first. */
export function readTree(state: string, run: string): readonly RecordedRun[] {
  const folder = join(state, 'runs', run);
  const children = join(folder, 'children');
  const ids = existsSync(children) ? readdirSync(children).sort() : [];
  return [
    readRecord(run, join(folder, 'journal.ndjson')),
    ...ids.map((id) => readRecord(id, join(children, id, 'journal.ndjson'))),
  ];
}

/** Keeps a copy of the journals as they are now. */
export function keepJournals(tree: readonly RecordedRun[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const { id, file } of tree) if (existsSync(file)) copyFileSync(file, join(folder, `${id}.ndjson`));
}

/** The number of every process of the machine. */
export const allProcesses = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** The processes that belong to a process group of the record, zombies left out. */
export function livingInGroups(tree: readonly RecordedRun[]): readonly number[] {
  const groups = new Set(tree.flatMap(({ events }) => events.map((event) => event.process?.group ?? 0)));
  groups.delete(0);
  return allProcesses().filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state = '', , group = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state !== 'Z' && groups.has(Number(group));
    } catch {
      return false;
    }
  });
}
