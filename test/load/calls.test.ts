import { describe, expect, it } from 'vitest';
import { parseCall } from '../../src/load/call-reference.ts';
import { codesOf } from './flow-file.ts';

const codes = (call: string, files: { readonly [name: string]: string }) =>
  codesOf(`steps: { a: { call: "${call}" } }\n`, files);

describe('call', () => {
  it('names a file and an export', () => {
    expect(parseCall('./tasks.ts#load')).toEqual({ module: './tasks.ts', export: 'load' });
    expect(parseCall('tasks.mjs')).toEqual({ module: 'tasks.mjs', export: 'default' });
    expect(parseCall('a#b/tasks.cjs#größe')).toEqual({ module: 'a#b/tasks.cjs', export: 'größe' });
    for (const wrong of [
      '',
      '#load',
      './tasks',
      './tasks.ts#',
      './tasks.ts#a-b',
      './tasks.py#a',
      'tasks.ts\0#a',
      '.ts#a',
      'a/.ts',
    ]) {
      expect([wrong, parseCall(wrong)]).toEqual([wrong, null]);
    }
  });

  it('finds every way to export', async () => {
    const text = `export function a() {}; const x = () => 1; export { x as b }; export * from './more.ts'; export class c {}
export const { d, e: [f] } = { d: 1, e: [2] }; export default async () => 1; export type G = string;
// export const commented = 1;`;
    const files = { 'tasks.ts': text, 'more.ts': 'export enum H { A }\nimport "somewhere";' };
    for (const name of ['a', 'b', 'c', 'd', 'f', 'default', 'H'])
      expect(await codes(`./tasks.ts#${name}`, files)).toEqual([]);
    for (const name of ['x', 'e', 'G', 'commented', 'toString']) {
      expect([name, ...(await codes(`./tasks.ts#${name}`, files))]).toEqual([name, 'export_not_found:1']);
    }
  });

  it('says nothing of exports that parsing cannot tell', async () => {
    expect(
      await codes('./tasks.cjs#a', { 'tasks.cjs': 'exports[name()] = 1; function name() { return "a"; }' }),
    ).toEqual([]);
    expect(await codes('./tasks.ts#a', { 'tasks.ts': "export * from './nowhere.ts';" })).toEqual([]);
  });

  it('runs nothing', async () => {
    expect(await codes('./tasks.mjs#a', { 'tasks.mjs': 'process.exit(9); export function a() {}' })).toEqual([]);
  });

  it('finds what is surely no function', async () => {
    const text = `export const number = -1.5; export const list = [1, ['];']]; export const map = { a: "}", b: { c: () => 1 } };
export const text = 'a'; export const template = \`a \${number} \n\`; export const typed: string = 'x' as const;
export const nothing = null; const x = true; export { x as truth };
export default { a: 1 };`;
    for (const name of ['number', 'list', 'map', 'text', 'template', 'typed', 'nothing', 'truth', 'default'])
      expect([name, ...(await codes(`./tasks.ts#${name}`, { 'tasks.ts': text }))]).toEqual([name, 'not_a_function:1']);
  });

  it('says nothing of values that may be functions', async () => {
    const text = `const f = () => 1;
export const first = [f][0]; export const member = { f }.f; export const chosen = 'a' in { a: 1 } ? f : f;
export const made = \`a\${f}\`.length > 1 ? f : 1; export const pattern = { f: /}/, g: f }.g; export const same = f;
export const wrapped = Object.assign(f, { a: 1 }); export const sum = 1 && f; export const comma = (1, f);
export let later = 5; later = f;
const hidden = \`
const shown = 5;
\`; export function shown() { return hidden; }
export class Made {}
let given = 1; given = f; export { given as default };`;
    for (const name of 'first member chosen made pattern wrapped same sum comma later shown Made default'.split(' '))
      expect([name, ...(await codes(`./tasks.ts#${name}`, { 'tasks.ts': text }))]).toEqual([name]);
  });

  it('checks each module once, and every call of it', async () => {
    const text =
      'steps:\n  a: { call: ./t.ts#a }\n  b: { call: ./t.ts#b }\n  c: { call: ./u.ts#c }\n  d: { call: ./sub }\n';
    expect(await codesOf(text, { 't.ts': 'export const a = () => 1;', 'sub/x': '' })).toEqual([
      'export_not_found:3',
      'module_not_found:4',
      'invalid_call:5',
    ]);
  });
});
