/** `flowctl artifact`: publishes something for people to look at, from inside a step. */

import type { Command } from 'commander';
import { nearestWord } from '../../base/suggestion.ts';
import { ARTIFACT_KINDS } from '../../model/artifact-note.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';

interface ArtifactOptions extends GlobalOptions {
  readonly name?: string;
  readonly title?: string;
}

const EXAMPLES = `
Examples, as lines of a step's command:
  flowctl artifact file coverage/report.html        keep a file with the run
  flowctl artifact image plot.png --name "Latency"
  flowctl artifact markdown "**12** rows were late"
  psql -c "..." | to-json | flowctl artifact table - --name rows
  flowctl artifact link https://example.com/dashboard --title Dashboard`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('artifact'))
    .argument('<kind>', ARTIFACT_KINDS.join(', '))
    .argument(
      '<what>',
      'a file, a text, a JSON list of rows, or an address; `-` reads a text or rows from standard input',
    )
    .summary('publish a file, table, text, link or image from inside a step')
    .description(
      'Publishes something for people to look at, from inside a step: `flowctl show` lists it with the run. A file is copied ' +
        'at once; whatever is put into the folder `$FLOWCTL_ARTIFACTS`, or is named by the `artifacts` of the step, is kept ' +
        'without this command.',
    )
    .option('--name <name>', 'what it is called (default: the file, the title, or the kind)')
    .option('--title <title>', 'of a link: what is shown in place of the address')
    .addHelpText('after', EXAMPLES)
    .action(publish);
}

async function publish(kindText: string, what: string, options: ArtifactOptions): Promise<void> {
  const session = openSession(options);
  const kind = ARTIFACT_KINDS.find((known) => known === kindText);
  if (kind === undefined) {
    const near = nearestWord(kindText, ARTIFACT_KINDS);
    throw new UsageError(
      `\`${kindText}\` is no kind of artifact`,
      near === null ? `one of ${ARTIFACT_KINDS.join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  if (options.title !== undefined && kind !== 'link')
    throw new UsageError('`--title` belongs to links', 'use `--name`');
  const folder = session.environment['FLOWCTL_ARTIFACTS'];
  if (folder === undefined || folder === '') {
    const help = 'a step has the variable `FLOWCTL_ARTIFACTS`; call `flowctl artifact` in its command';
    throw new UsageError('`flowctl artifact` publishes from inside a step', help);
  }
  const { publishArtifact } = await import('../publish-artifact.ts');
  const failure = await publishArtifact(folder, { kind, what, name: options.name, title: options.title });
  if (failure === null) return;
  session.complain(failure);
  session.exit(EXIT.state_io);
}
