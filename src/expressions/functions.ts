/** All functions of the expression language: one table for the parser, the evaluator and the documentation. */

import { type FunctionDefinition, signatureOf } from './definition.ts';
import { TIME_FUNCTIONS } from './instants.ts';
import { LIST_FUNCTIONS } from './lists.ts';
import { NUMBER_FUNCTIONS } from './numbers.ts';
import { PATTERN_FUNCTIONS } from './patterns.ts';
import { TEXT_FUNCTIONS } from './text.ts';
import { VALUE_FUNCTIONS } from './values.ts';

/** Every function, in the order of the documentation. */
export const FUNCTIONS: readonly FunctionDefinition[] = [
  ...VALUE_FUNCTIONS,
  ...TEXT_FUNCTIONS,
  ...PATTERN_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...TIME_FUNCTIONS,
];

// A Map, not an object: `constructor` and `toString` are no functions of the language.
const BY_NAME: ReadonlyMap<string, FunctionDefinition> = new Map(
  FUNCTIONS.map((definition) => [definition.name.toLowerCase(), definition]),
);

/** Finds a function by its name, in any letter case, as GitHub Actions does. */
export const findFunction = (name: string): FunctionDefinition | null => BY_NAME.get(name.toLowerCase()) ?? null;

/** One function as documentation shows it. */
export interface FunctionDocumentation {
  readonly signature: string;
  readonly group: FunctionDefinition['group'];
  readonly description: string;
  readonly example: FunctionDefinition['example'];
}

/** Every function for generated documentation, in the order of the table. */
export const documentFunctions = (): readonly FunctionDocumentation[] =>
  FUNCTIONS.map((definition) => ({
    signature: signatureOf(definition),
    group: definition.group,
    description: definition.description,
    example: definition.example,
  }));
