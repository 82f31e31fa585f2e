/** What may stand where on the command line, beyond what the definitions of the commands say themselves. */

import { RUN_STATES } from '../../model/view.ts';
import type { Source } from './sources.ts';

/** The operands of a command. */
export interface Operands {
  /** What may stand at each place. */
  readonly places: readonly (readonly Source[])[];
  /** True when the last place may be filled again and again. */
  readonly repeats?: boolean;
}

/** The operands of each command; a command that is missing here takes none. */
export const OPERANDS: { readonly [command: string]: Operands } = {
  run: { places: [['files']] },
  resume: { places: [['unfinished_runs', 'flows', 'files']] },
  rerun: { places: [['runs']] },
  cancel: { places: [['runs']] },
  approve: { places: [['unfinished_runs'], ['questions']] },
  validate: { places: [['files']], repeats: true },
  graph: { places: [['runs', 'files']] },
  show: { places: [['runs']] },
  // A first word that begins with a digit names a run, any other one a step of the last run.
  logs: { places: [['runs', 'steps'], ['steps']] },
  artifact: { places: [[['file', 'image', 'markdown', 'table', 'link']], ['files']] },
  cache: { places: [[['ls', 'clear', 'prune']], ['files']] },
  vars: { places: [[['list', 'get', 'set', 'delete']], [], []] },
  delete: { places: [['runs']], repeats: true },
  init: { places: [['folders']] },
  schema: { places: [[['flow', 'event', 'run', 'config']]] },
  completion: { places: [[['bash', 'zsh', 'fish']]] },
  help: { places: [['topics']] },
};

/** The values of options, by their long names. */
export const VALUES: { readonly [option: string]: readonly Source[] } = {
  '--state-dir': ['folders'],
  '--log-level': [['info', 'warn', 'error']],
  '--output': [['auto', 'tree', 'plain', 'json']],
  '--params-file': ['files'],
  '--format': [['tree', 'mermaid', 'dot', 'json', 'svg']],
  '--template': [['minimal', 'etl', 'ci']],
  '--state': [RUN_STATES],
  '--flow': ['flows'],
  '--of': ['runs'],
  '--only': ['steps'],
  '--from': ['steps'],
  '--to': ['steps'],
  '--step': ['steps'],
  '--force': ['steps'],
};
