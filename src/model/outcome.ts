/** How an attempt ended. Executors answer with an `Outcome`, always; only the engine decides what follows from it. */

import type { ContentHash } from '../base/ids.ts';
import type { Json } from '../base/json.ts';

/** Outputs of a step: small ones inline, larger ones by the hash of their file in the run's `outputs/` folder. */
export type OutputsRef =
  | { readonly kind: 'inline'; readonly value: Json }
  | { readonly kind: 'stored'; readonly hash: ContentHash; readonly bytes: number };

/** Outputs above this many bytes of JSON go to a file of their own. */
export const INLINE_OUTPUT_LIMIT = 65_536;

/** Why an attempt failed: a stable code for programs, a sentence for people. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** A stack trace or compiler message of the user's own code, where there is one. */
  readonly detail?: string;
  /** Of what a task threw: the error's name, such as `TypeError`. */
  readonly thrown?: string;
}

/** What functions of the user say about an attempt that failed; null where they say nothing. */
export interface Judgement {
  /** False: it is not tried again. True: it is, whatever made it fail, as long as there are tries left. */
  readonly retry: boolean | null;
  readonly delay_ms: number | null;
}

/** Every reason for which an attempt fails. */
export type FailureCode =
  /** The process ended with a code that is no success. */
  | 'exit_code'
  /** The process was ended by a signal that flowctl did not send. */
  | 'signal'
  | 'command_not_found'
  | 'command_not_executable'
  | 'workdir_missing'
  /** Arguments or environment are larger than the system takes (E2BIG), or hold a NUL byte. */
  | 'arguments_too_large'
  | 'nul_byte'
  /** An expression of this step could not be evaluated. */
  | 'expression'
  /** What the step wrote or returned as outputs could not be taken. */
  | 'outputs'
  | 'module_not_loaded'
  | 'export_not_found'
  /** The user's function threw or rejected. */
  | 'thrown'
  /** A flow function is not what was recorded of it: a call has another name or other arguments. */
  | 'drift'
  /** A flow function did not wait for a call, which failed. */
  | 'not_awaited'
  /** The function's host ended: out of memory, process.exit(). */
  | 'host_ended'
  /** `if_lost: fail`: the attempt was lost and a person has to decide. */
  | 'lost_attempt'
  /** Nobody stayed with the run, for its sub-flow waits: no attempt of its own was lost. */
  | 'left_waiting'
  | 'timed_out'
  | 'start_refused'
  /** A map's list or its keys cannot be used. */
  | 'expansion'
  /** Members of a group, items of a map, or steps of a sub-flow failed. */
  | 'members_failed'
  /** A step that repeats did not come to its end in time. */
  | 'repeat_limit'
  /** A person said no. */
  | 'rejected'
  /** The params of a sub-flow do not fit. */
  | 'params'
  /** A sub-flow cannot be started: too deep, or its run cannot be written. */
  | 'sub_flow'
  /** A capacity that does not exist, is too small, or can never be had. */
  | 'resources'
  /** A secret could not be resolved where the step runs. */
  | 'secret'
  /** An output holds the value of a secret. */
  | 'secret_in_outputs'
  /** What the step was to make is not there. */
  | 'generates'
  /** A wait could not be carried out. */
  | 'wait'
  /** A message could not be delivered. */
  | 'notify';

/** The signals that end a run: the first asks, a second one kills. */
export type EndingSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** Who asked for something. */
export type Actor =
  | { readonly kind: 'signal'; readonly signal: EndingSignal }
  | { readonly kind: 'user'; readonly name: string; readonly host: string }
  | { readonly kind: 'policy'; readonly policy: 'fail_fast' | 'cancel_running' | 'timeout' | 'state_error' | 'parent' };

/** How an attempt ended; the data of an end lives in that end. */
export type Outcome =
  | {
      readonly kind: 'succeeded';
      readonly exit_code: number | null;
      readonly outputs: OutputsRef | null;
      /** True when its exit code says that there was nothing to do: the step is skipped. */
      readonly skips?: boolean;
      /** What a step with `generates` made: a list of `{path, hash, bytes, mode, link}`. */
      readonly generated?: OutputsRef;
    }
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly exit_code: number | null;
      readonly signal: string | null;
      readonly judged?: Judgement;
    }
  | {
      readonly kind: 'timed_out';
      readonly after_ms: number;
      /** What was over is the time of all that cleans up. Absent: that of the step, or of a group around it. */
      readonly clock?: 'cleanup';
      readonly exit_code: number | null;
      readonly signal: string | null;
    }
  | {
      readonly kind: 'cancelled';
      readonly by: Actor;
      readonly exit_code: number | null;
      readonly signal: string | null;
    }
  /** The orchestrator or its host died meanwhile; never spends the retry budget. */
  | { readonly kind: 'lost'; readonly detail: string };

/** The names of the ends. */
export type OutcomeKind = Outcome['kind'];
