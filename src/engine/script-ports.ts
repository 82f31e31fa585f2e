/**
 * What the engine needs of whoever runs flow functions, as types: part of `ports.ts`. A flow function (a *script*) asks for calls, which
 * become steps; it is told how each of them ended, one at a time, in the order of the journal.
 */

import type { ContentHash, StepId, StepKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { CallKind } from '../model/event.ts';
import type { ScriptReference, StepDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import type { RecordedValues } from '../model/run.ts';
import type { Work } from './ports.ts';

/** A call, ready to become a step. */
export interface ScriptCall {
  readonly step: StepKey;
  readonly name: StepId;
  readonly kind: CallKind;
  /** Of what was called with which arguments. */
  readonly arguments_hash: ContentHash;
  readonly needs: readonly StepKey[];
  readonly run_name: string | null;
  readonly tags: readonly string[];
  /** Every text in it is literal. */
  readonly definition: StepDefinition;
  /** What an attempt does; null where the definition says it (a wait, a question, a sub-flow). */
  readonly work: Work | null;
  /** Of a map: its items. */
  readonly items: readonly CalledItem[] | null;
}

/** An item of a called map. */
export interface CalledItem {
  readonly key: StepKey;
  readonly work: Work;
  /** What people know it by; null: nothing of its own. */
  readonly run_name: string | null;
  /** What its recorded result stands under; null: as the definition says. */
  readonly cache_key: string | null;
}

/** Why a call failed, as its caller hears it. */
export interface CallFailure {
  readonly code: Failure['code'] | 'cancelled' | 'skipped';
  readonly message: string;
  readonly detail: string | null;
  readonly thrown: string | null;
}

/** How a step that was called ended, and with how many attempts (0: it was reused). */
type CalledEnd =
  | { readonly kind: 'succeeded'; readonly step: string; readonly attempts: number; readonly outputs: Json }
  | { readonly kind: 'failed'; readonly step: string; readonly attempts: number; readonly failure: CallFailure };

/** How an item of a map ended. */
export type ItemOutcome = CalledEnd & { readonly index: number };

/** How a call ended. `items`: of a map of which not all items succeeded, those that ended, in order. */
export type CallOutcome = CalledEnd & { readonly items?: readonly ItemOutcome[] };

/** How a flow function ended. */
export type ScriptEnd =
  | { readonly kind: 'returned'; readonly value: Json }
  /** `blamed`: the calls whose failures made it fail. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly blamed: readonly string[] }
  /** It was stopped. */
  | { readonly kind: 'stopped' };

/** What a script tells. */
export interface ScriptListener {
  called(call: ScriptCall): void;
  recorded(kind: keyof RecordedValues, value: Json): void;
  /** What it was told has had its effect, and it does nothing but wait. How many outcomes and calls that were, tells who was faster. */
  waits(told: number, asked: number): void;
  /** Its function has settled; it still hears outcomes. Told at most once. */
  settled(): void;
  /** Nothing more comes. Called once, after `stop` or `finish`, or when it came to its end by itself. */
  ended(end: ScriptEnd): void;
}

/** What a script begins with. */
export interface ScriptBeginning {
  readonly script: ScriptReference;
  readonly params: JsonObject;
  /** What it is told again of clock, random and ids. */
  readonly values: RecordedValues;
  /** Counted from 1: the life of the run. */
  readonly life: number;
  /** True while recorded outcomes are told: it is to say when it waits. */
  readonly isReplay: boolean;
}

/** A script under way. */
export interface RunningScript {
  tell(outcome: CallOutcome): void;
  /** All that was recorded is told: it need not say any more when it waits. */
  goLive(): void;
  /** All its calls have ended and were told. What it has to say of those that nobody awaited comes with `ended`. */
  finish(): void;
  /** Ends it, whatever it is in. */
  stop(): void;
}

/** Runs flow functions. */
export interface ScriptHost {
  start(beginning: ScriptBeginning, listener: ScriptListener): RunningScript;
}
