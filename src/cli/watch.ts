/**
 * `run --watch`: a run, then another one whenever a file that it depends on holds something else. A run that goes on is never cut short:
 * what changes meanwhile is noticed when it has ended, once. Ctrl-C ends the run, or the waiting.
 */

import { relative } from 'node:path';
import type { FSWatcher } from 'chokidar';
import type { JsonObject } from '../base/json.ts';
import { EXIT } from './exit-codes.ts';
import type { LoadedFlow } from './flow-file.ts';
import type { OutputMode } from './run-view.ts';
import type { Session } from './session.ts';
import {
  changesBetween,
  contentsOf,
  flowFileAlone,
  placesOf,
  watchedFiles,
  type WatchedFiles,
} from './watched-files.ts';

/** Told of a flow that is about to run. */
export type AboutToRun = (flow: LoadedFlow, params: JsonObject) => Promise<void>;

/** What is run again and again. */
export interface RunToWatch {
  /** Absolute. */
  readonly file: string;
  readonly output: OutputMode;
  /** Runs it once. The exit code is set. */
  once(isAbout: AboutToRun): Promise<void>;
}

/** Several files that change together, as an editor or git changes them, are one change. */
const SETTLING_MS = 150;
/** After these nothing that is written in a file helps: what was typed is wrong, or the state cannot be kept. */
const HOPELESS: readonly number[] = [EXIT.usage, EXIT.state_corrupt, EXIT.internal, EXIT.state_io, EXIT.permission];
const CLEAR = '\u001b[2J\u001b[3J\u001b[H';

/** Runs until a signal ends it, or it makes no sense to go on. */
export async function watchRuns(session: Session, run: RunToWatch): Promise<void> {
  let watched = flowFileAlone(run.file);
  let hasRun = false;
  for (;;) {
    // A run enters the folder of its flow, and what was typed is meant from where it was typed.
    process.chdir(session.workingDirectory);
    session.exit(EXIT.ok);
    let before = await contentsOf(watched);
    await run.once(async (flow, params) => {
      hasRun = true;
      watched = await watchedFiles(flow, params);
      before = await contentsOf(watched);
    });
    const code = Number(process.exitCode ?? EXIT.ok);
    if (HOPELESS.includes(code) || (code === EXIT.not_found && !hasRun)) return;
    const changed = await nextChange(watched, before, () => {
      const count = before.size;
      session.mention(`watching ${count} file${count === 1 ? '' : 's'}; Ctrl-C ends`);
    });
    if (session.stdout.isTerminal && run.output !== 'json') session.stdout.write(CLEAR);
    const [first = '', ...others] = changed.map((path) => relative(session.workingDirectory, path));
    session.mention(`${first}${others.length === 0 ? '' : ` and ${others.length} more`} changed: running again`);
  }
}

/** Waits until a file holds something else than before. @param waiting told when nothing has changed yet. */
async function nextChange(
  watched: WatchedFiles,
  before: ReadonlyMap<string, string>,
  waiting: () => void,
): Promise<readonly string[]> {
  const { watch } = await import('chokidar');
  const watcher = watch([...placesOf(watched)], { ignoreInitial: true, ignored: isNobodys });
  try {
    let isTold = false;
    for (;;) {
      const touched = nextEvent(watcher);
      if (!isTold) await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
      // Also what changed before anybody looked.
      const changed = changesBetween(before, await contentsOf(watched));
      if (changed.length > 0) return changed;
      if (!isTold) waiting();
      isTold = true;
      await touched;
    }
  } finally {
    await watcher.close();
  }
}

const isNobodys = (path: string): boolean => /(^|[/\\])(\.git|\.flowctl|node_modules)([/\\]|$)/.test(path);

/** Resolves when something happened and nothing more follows it at once. */
function nextEvent(watcher: FSWatcher): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | null = null;
    const listener = (): void => {
      if (timer !== null) clearTimeout(timer);
      timer = setTimeout(() => {
        watcher.off('all', listener);
        resolve();
      }, SETTLING_MS);
    };
    watcher.on('all', listener);
  });
}
