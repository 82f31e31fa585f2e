/**
 * ajv, set up for the schemas of params and outputs. A file of its own, because it takes longer to load than everything else together: it is
 * imported when a schema first needs it. (Static imports here: a bundled dynamic import of a CommonJS module has no named exports.)
 */

import { createContext, Script } from 'node:vm';
import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { JsonObject } from '../base/json.ts';

/** Milliseconds that one pattern may take on one text. */
const PATTERN_LIMIT_MS = 250;

interface BoundedRegExp {
  readonly test: (text: string) => boolean;
  /** ajv tells patterns apart by it: without one of its own, every pattern would be the first one ever compiled. */
  readonly toString: () => string;
}

const PROGRAM = new Script('new RegExp(pattern, flags).test(text)');
/** One for all tests: outputs may hold a hundred thousand texts, and a context takes ten times as long to make as a test. */
const context = createContext(Object.create(null));

/** A regular expression that gives up after a while. Its text is data to a constant program. */
function boundedRegExp(pattern: string, flags: string): BoundedRegExp {
  // Compiling is quick, and throws for a pattern that is none.
  const written = String(new RegExp(pattern, flags));
  const test = (text: string): boolean => {
    Object.assign(context, { pattern, flags, text });
    return PROGRAM.runInContext(context, { timeout: PATTERN_LIMIT_MS }) === true;
  };
  return { test, toString: () => written };
}
boundedRegExp.code = '';

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  strictTuples: false,
  code: { regExp: boundedRegExp },
});
formats.default(ajv);

/** Compiles a schema. @throws {Error} when ajv finds it wrong. */
export const compileParamSchema = (schema: JsonObject): ValidateFunction => ajv.compile(schema);
