/**
 * Compiles the schemas of flows and of projects to modules without dependencies, so that no start of flowctl pays for ajv's compiler.
 * `import { compileSchemas } from './compile-schemas.js'`, or `node src/build/compile-schemas.js [folder]`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEFAULT_OUTPUT = join(ROOT, 'src', 'load', 'generated');

/** The schemas that documents of users are checked against. */
const NAMES = ['flow', 'config'];

const declaration = (name) => `/** One mismatch, as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
}
/** The compiled schemas/${name}.schema.json; \`errors\` holds what the last call found. */
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
 * Writes `flow-validator.js` and its like (ES modules that import nothing), with declarations, into a folder, which is made if needed.
 * @param {string} outputDirectory where the files go.
 */
export async function compileSchemas(outputDirectory = DEFAULT_OUTPUT) {
  await mkdir(outputDirectory, { recursive: true });
  for (const name of NAMES) await compileSchema(name, outputDirectory);
}

async function compileSchema(name, outputDirectory) {
  const schema = JSON.parse(await readFile(join(ROOT, 'schemas', `${name}.schema.json`), 'utf8'));
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
  await writeFile(
    join(outputDirectory, `${name}-validator.js`),
    `${joined.replace(/export default \w+;/, '')}${JOIN_HELPER}`,
  );
  await writeFile(join(outputDirectory, `${name}-validator.d.ts`), declaration(name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileSchemas(process.argv[2]);
