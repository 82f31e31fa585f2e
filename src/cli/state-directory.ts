/** Which state directory a command means. */

import { existsSync } from 'node:fs';
import { discoverState } from '../store/discover.ts';
import { type StateLayout, stateLayout } from '../store/layout.ts';
import { networkOf, networkWarning } from '../store/network-file-system.ts';
import { type GlobalOptions, type Session, UsageError } from './session.ts';

/** The path of the state directory: by option, by environment, or that of the project around `start`. */
export function statePath(session: Session, options: GlobalOptions, start?: string): string {
  if (options.stateDir === '') throw new UsageError('`--state-dir` is empty');
  return discoverState({
    start: start ?? session.workingDirectory,
    currentFolder: session.workingDirectory,
    option: options.stateDir,
    environment: session.environment['FLOWCTL_STATE_DIR'],
  });
}

/** The same for a query: laid out, not made. */
export function stateToRead(session: Session, options: GlobalOptions): StateLayout {
  const state = stateLayout(statePath(session, options));
  if (options.stateDir !== undefined && !existsSync(state.root)) {
    session.mention(`warning: there is no state directory ${state.root}`);
  }
  return state;
}

/** Says where the state of a run that is about to begin lies, when it lies where locks may not hold. */
export function warnOfNetwork(session: Session, { root }: StateLayout): void {
  const network = networkOf(root);
  if (network !== null) session.mention(`warning: ${root} ${networkWarning(network)}`);
}

/** What a hint's command needs to find the state from where the user stands; empty, or begins with a space. */
export function hintSuffix(session: Session, options: GlobalOptions, state: StateLayout): string {
  const { stateDir: _, ...others } = options;
  const found = statePath(session, others);
  return found === state.root ? '' : ` --state-dir ${state.root}`;
}
