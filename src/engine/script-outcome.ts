/** The end of a step as whoever called it hears it. */

import type { Json } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { StepRecord } from '../model/run.ts';
import type { CallFailure, CallOutcome } from './script-ports.ts';

/** @param outputs the value of the step's outputs. @throws {Bug} for a step that has not ended. */
export function outcomeOf({ key, phase, attempts }: StepRecord, outputs: Json): CallOutcome {
  const failed = (failure: CallFailure): CallOutcome => ({
    kind: 'failed',
    step: key,
    attempts: attempts.length,
    failure,
  });
  switch (phase.kind) {
    case 'succeeded':
      return { kind: 'succeeded', step: key, attempts: phase.reused ? 0 : attempts.length, outputs };
    case 'failed': {
      const { error } = phase;
      const { code = 'thrown', message = 'failed', detail = null, thrown = null } = error ?? {};
      return failed({ code, message, detail, thrown });
    }
    case 'skipped':
      return failed({ code: 'skipped', message: 'the step was skipped', detail: null, thrown: null });
    case 'cancelled':
      return failed({ code: 'cancelled', message: 'the step was cancelled', detail: null, thrown: null });
    default:
      throw new Bug(`step ${key} is ${phase.kind}, which is no end`);
  }
}
