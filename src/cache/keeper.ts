/** What happens around an attempt of a step that may be reused: half of a file is removed before it, what it made is kept after it. */

import type { AttemptRequest } from '../engine/ports.ts';
import { refuseUnwritable } from '../process/unwritable-state.ts';
import { INLINE_OUTPUT_LIMIT, type Failure, type Outcome, type OutputsRef } from '../model/outcome.ts';
import { hashOf } from './content.ts';
import { findGenerated, type Generated, keepFiles, manifestOf } from './generated.ts';
import { clearHalfWritten, forgetNote } from './half-written.ts';
import { FORMAT, type KeptResult, writeWhole } from './records.ts';
import type { Before, EarlierResults } from './reuse.ts';

type Succeeded = Extract<Outcome, { readonly kind: 'succeeded' }>;

/** Stands around attempts. */
export interface ResultKeeper {
  /**
   * Before an attempt begins, whenever the step has `generates`. Rejects only where the disk refuses the note.
   * @param note absolute path of a file of the run that belongs to this step alone.
   * @returns a sentence when the attempt must not begin.
   */
  begin(request: AttemptRequest, note: string): Promise<string | null>;
  /**
   * After a success: the same, with what was made; or the failure to make it. Never rejects.
   * @param warn told when the result is not kept, though nothing is wrong with it.
   */
  conclude(
    request: AttemptRequest,
    note: string,
    success: Succeeded,
    warn: (message: string) => void,
  ): Promise<Extract<Outcome, { readonly kind: 'succeeded' | 'failed' }>>;
}

/** Keeps results among the earlier ones that `lookup` finds. */
export function resultKeeper(earlier: EarlierResults): ResultKeeper {
  const { options } = earlier;
  return {
    begin: async ({ workdir, generates }, note) => {
      try {
        await clearHalfWritten(note, workdir, generates);
        return null;
      } catch (error) {
        refuseUnwritable(error, note);
        return `it cannot be noted what the attempt changes (${(error as Error).message})`;
      }
    },
    conclude: async (request, note, success, warn) => {
      const before = request.reuse === null ? null : earlier.takeBefore(request.step, request.reuse.fingerprint);
      if (success.skips === true) {
        await forgetNote(note);
        return success;
      }
      const generated = await lookAt(earlier, request);
      if (generated.kind === 'failed') {
        return { kind: 'failed', failure: generated.failure, exit_code: success.exit_code, signal: null };
      }
      await forgetNote(note);
      if (before !== null && (await earlier.areSame(before, request.workdir))) {
        const kept = keep(earlier, request, success, before, generated);
        await kept.catch((error: unknown) => {
          warn(`the result of \`${request.step}\` could not be kept for reuse (${(error as Error).message})`);
        });
      }
      if (request.generates.length === 0) return success;
      try {
        return { ...success, generated: await options.outputs.store(manifestOf(generated.files)) };
      } catch (error) {
        const message = `what the step made could not be recorded (${(error as Error).message})`;
        return { kind: 'failed', failure: { code: 'outputs', message }, exit_code: success.exit_code, signal: null };
      }
    },
  };
}

async function lookAt(
  { contents, options }: EarlierResults,
  { workdir, generates }: AttemptRequest,
): Promise<({ readonly kind: 'found' } & Generated) | { readonly kind: 'failed'; readonly failure: Failure }> {
  try {
    const found = await findGenerated(contents, options.directory, workdir, generates);
    if (found.ok) return { kind: 'found', ...found.value };
    return { kind: 'failed', failure: { code: 'generates', message: found.error } };
  } catch (error) {
    const message = `what the step made cannot be read (${(error as Error).message})`;
    return { kind: 'failed', failure: { code: 'generates', message } };
  }
}

async function keep(
  earlier: EarlierResults,
  request: AttemptRequest,
  { outputs }: Succeeded,
  { fingerprint, parts, sources, cached }: Before,
  { files, stamps }: Generated,
): Promise<void> {
  const { options, records } = earlier;
  const { step } = request;
  const result: KeptResult = {
    run: options.run,
    step,
    created_at: new Date(options.clock.wall()).toISOString(),
    outputs: await keepOutputs(earlier, outputs),
    generated: files,
  };
  const flow = options.root;
  const placed = earlier.placed(step);
  if (cached) {
    // What a step made of secrets may hold them: it is compared, but no copy is made.
    const isPublic = request.secrets.length === 0 && request.secret_variables.length === 0;
    if (isPublic) await keepFiles(records, options.directory, files);
    await records.keepResult({ format: FORMAT, flow, step: placed, fingerprint, result });
  }
  await records.keepMemory({ format: FORMAT, flow, step: placed, fingerprint, parts, sources, result, stamps });
}

async function keepOutputs(
  { options, records }: EarlierResults,
  outputs: OutputsRef | null,
): Promise<KeptResult['outputs']> {
  if (outputs === null) return null;
  const value = await options.outputs.read(outputs);
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) <= INLINE_OUTPUT_LIMIT) return { kind: 'inline', value };
  const hash = hashOf(text);
  await writeWhole(await records.placeFor(hash), text);
  return { kind: 'file', hash };
}
