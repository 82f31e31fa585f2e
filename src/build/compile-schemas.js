/**
 * Compiles the schema of flows to a module without dependencies, so that no start of flowctl pays for ajv's compiler.
 * `import { compileSchemas } from './compile-schemas.js'`, or `node src/build/compile-schemas.js [folder]`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEFAULT_OUTPUT = join(ROOT, 'src', 'load', 'generated');

const DECLARATION = `/** One mismatch, as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
}
/** The compiled schemas/flow.schema.json; \`errors\` holds what the last call found. */
export const validate: { (value: unknown): boolean; errors?: readonly SchemaError[] | null };
`;

const LENGTH_HELPER = `const ucs2length = (text) => {
  let length = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    const isPair = (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (isPair) { length -= 1; index += 1; }
  }
  return length;
};
`;

const JOIN_HELPER = `
function joinErrors(all, more) {
  if (all === null) return more;
  for (const error of more) all.push(error);
  return all;
}
`;

/** Annotations, which a validator has no use for. Names of properties that happen to be the same are kept. */
function withoutAnnotations(schema) {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(withoutAnnotations);
  const kept = Object.entries(schema).filter(([key, value]) => !isAnnotation(key, value));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutAnnotations(value)]));
}

const isAnnotation = (key, value) =>
  (key === 'description' && typeof value === 'string') || (key === 'examples' && Array.isArray(value));

/**
 * Writes `flow-validator.js` (an ES module that imports nothing) and its declaration into a folder, which is made if needed.
 * @param {string} outputDirectory where the two files go.
 */
export async function compileSchemas(outputDirectory = DEFAULT_OUTPUT) {
  const schema = JSON.parse(await readFile(join(ROOT, 'schemas', 'flow.schema.json'), 'utf8'));
  const ajv = new Ajv({
    strict: true,
    allErrors: true,
    messages: false,
    code: { source: true, esm: true },
  });
  const code = standaloneCode.default(ajv, ajv.compile(withoutAnnotations(schema)));
  const inlined = code.replace(/const (\w+) = require\("ajv\/dist\/runtime\/ucs2length"\)\.default;/g, (_, name) =>
    LENGTH_HELPER.replace('ucs2length', name),
  );
  // ajv joins the errors of parts by `concat`, which is quadratic in a document with many of them.
  const joined = inlined.replace(
    /vErrors === null \? ([\w.]+) : vErrors\.concat\(\1\)/g,
    (_, errors) => `joinErrors(vErrors, ${errors})`,
  );
  if (joined.includes('.concat('))
    throw new Error('the compiled schema joins errors in a new way: see src/build/compile-schemas.js');
  const left = /require\("([^"]+)"\)/.exec(joined);
  if (left) throw new Error(`the compiled schema requires ${left[1]}: inline it in src/build/compile-schemas.js`);
  await mkdir(outputDirectory, { recursive: true });
  await writeFile(
    join(outputDirectory, 'flow-validator.js'),
    `${joined.replace(/export default \w+;/, '')}${JOIN_HELPER}`,
  );
  await writeFile(join(outputDirectory, 'flow-validator.d.ts'), DECLARATION);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileSchemas(process.argv[2]);
