/** What a drawn flow is, and what is expected of a run of it. Effects are lines `<run id> <step key>`, appended before anything else. */

/** A step that has an effect. */
export interface ExpectedStep {
  /** Its place in the run, as `show` says it. */
  readonly key: string;
  /** How many times it succeeds in a run that nothing disturbs; 0: it fails, and may; null: any number from 1 (it handles, or repeats). */
  readonly successes: 0 | 1 | null;
  /** True when it is never to be started a second time without a person's word. */
  readonly isOnce: boolean;
  /** True when a recorded result may stand for it. */
  readonly mayBeReused: boolean;
}

/** A file that a step writes in two halves. */
export interface ExpectedFile {
  readonly name: string;
  readonly content: RegExp;
}

/** A drawn flow. */
export interface DrawnFlow {
  readonly kind: 'yaml' | 'typescript';
  /** By name; the first is the one to run. */
  readonly files: ReadonlyMap<string, string>;
  readonly entry: string;
  readonly steps: readonly ExpectedStep[];
  /** A step that a person has to approve; null: none. */
  readonly gate: string | null;
  readonly generated: readonly ExpectedFile[];
  /** Steps whose log reopens `/dev/stderr` between its lines. */
  readonly loud: readonly string[];
  /** True when a run of the same flow goes before, whose results may be reused. */
  readonly isWarm: boolean;
}

/** A secret that some steps print, and which must be nowhere in the state. */
export const SECRET = 'torture-7Zk0-secret-Qm41';

/** What a loud step prints, in this order. */
export const LOUD_LINES: readonly string[] = ['first to stdout', 'second to /dev/stderr', 'third to stdout'];

/** Environment of a life in which some steps sleep for 20 s, so that nothing ends by itself before it is looked for. */
export const NAP = { TORTURE_NAP: '20' } as const;
