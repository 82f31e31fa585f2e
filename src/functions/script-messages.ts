/** What a script's thread and the program say to each other. Plain data: it crosses a thread's border. */

import type { JsonObject } from '../base/json.ts';
import type { CallOutcome, RecordedKind } from '../flows/conductor.ts';
import type { RecordedValues } from '../model/run.ts';
import type { ContextFacts, HostReport } from './messages.ts';
import type { WiredCall } from './options-border.ts';

/** A flow function to run. */
export interface ScriptStart {
  /** Where the module, or its bundle, is loaded from. */
  readonly url: string;
  /** Absolute path of the module. */
  readonly module: string;
  readonly flow: string;
  readonly params: JsonObject;
  readonly values: RecordedValues;
  /** True: it says when it only waits, until it is told to go live. */
  readonly watches: boolean;
  readonly env: { readonly [name: string]: string };
  /** The file that takes what the function prints. */
  readonly log: string;
  readonly context: ContextFacts;
}

/** From the program to a script's thread. */
export type ToScript =
  | { readonly kind: 'start'; readonly start: ScriptStart }
  /** What a module makes is told, and nothing is run. `export`: the name of an export, or of a flow. */
  | {
      readonly kind: 'describe';
      readonly url: string;
      readonly module: string;
      readonly export: string;
      /** Params that the flow is to check, where it has code for that; null: none. */
      readonly params: JsonObject | null;
    }
  /** Told to the function one after the other. */
  | { readonly kind: 'outcomes'; readonly outcomes: readonly CallOutcome[] }
  | { readonly kind: 'live' }
  | { readonly kind: 'finish' };

/** From a script's thread to the program. */
export type FromScript =
  | { readonly kind: 'called'; readonly calls: readonly WiredCall[] }
  | { readonly kind: 'recorded'; readonly value: { readonly kind: RecordedKind; readonly value: number | string } }
  | { readonly kind: 'waits'; readonly told: number; readonly asked: number }
  | { readonly kind: 'settled' }
  | { readonly kind: 'log_failed'; readonly message: string }
  | { readonly kind: 'described'; readonly description: Description }
  /** `unawaited`: failures that nobody heard of. `blamed`: the calls behind what it failed of. */
  | {
      readonly kind: 'ended';
      readonly report: HostReport;
      readonly unheard: readonly Unheard[];
      readonly blamed: readonly string[];
    };

/** A rejection that nobody handled. `step`: the call that failed; null: something else. */
export interface Unheard {
  readonly step: string | null;
  readonly message: string;
  readonly stack: string;
}

/** A flow that a module makes. */
export interface DescribedFlow {
  readonly flow: string;
  readonly style: 'imperative' | 'declarative';
  readonly document: JsonObject;
  readonly checksParams: boolean;
}

/** What a module makes. */
export type Description =
  | {
      readonly kind: 'flow';
      readonly flow: string;
      /** That one, and every other that the module makes. */
      readonly flows: readonly DescribedFlow[];
      readonly tasks: readonly string[];
      /** What is wrong with the params, each a sentence. */
      readonly problems: readonly string[];
    }
  /** The module makes flows, and none is the one asked for. */
  | { readonly kind: 'no_flow'; readonly available: readonly string[]; readonly found: string | null }
  | { readonly kind: 'not_loaded'; readonly message: string; readonly detail: string | null };
