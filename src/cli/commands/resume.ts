/** `flowctl resume`. */

import type { Command } from 'commander';
import type { RunRecord } from '../../model/run.ts';
import { collect } from '../params.ts';
import { type ResumeOptions, resumeRun } from '../resume-run.ts';
import { findResumable } from '../resume-target.ts';
import { withRunOptions } from '../run-options.ts';
import { openSession, withGlobalOptions } from '../session.ts';

const EXAMPLES = `
Examples:
  $ flowctl resume                     the latest unfinished run
  $ flowctl resume 01kdbq              the run whose id begins so
  $ flowctl resume etl.yaml            the latest unfinished run of this flow
  $ flowctl resume --from load         step load again, and all that follows it`;

/** Adds the command. */
export function define(program: Command): void {
  withRunOptions(withGlobalOptions(program.command('resume')))
    .argument('[run-or-flow]', 'a run, a flow file or the name of a flow; default: the latest unfinished run')
    .summary('continue a failed, cancelled or crashed run')
    .description(
      'Continues a run: what succeeded is kept, failed steps have a fresh budget of tries, what was lost is started again. Edits to ' +
        'steps that have not succeeded are taken over.',
    )
    .option('--from <step>', 'run this step again, and what follows it; repeatable', collect)
    .option('--accept-changes', 'steps that succeeded and were edited since run again, with what follows them')
    .option('--frozen', 'go on with the definition as it was')
    .addHelpText('after', EXAMPLES)
    .action(resume);
}

async function resume(text: string | undefined, options: ResumeOptions): Promise<void> {
  const session = openSession(options);
  const isAsked = options.from !== undefined;
  const target = await findResumable(session, options, text, isAsked);
  if (target === null) return;
  const isUnfinished = ({ ending }: RunRecord): boolean => isAsked || ending?.state !== 'succeeded';
  const isResumed = await resumeRun(session, target, options, isUnfinished);
  if (!isResumed) session.mention(`run ${target.place.id} succeeded meanwhile: nothing to do`);
}
