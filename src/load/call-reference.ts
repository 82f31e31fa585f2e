/** What stands under `call`: `./tasks.ts#transform`, a file and one of its exports. */

/** The file as written, relative to the flow's folder, and the export's name. */
export interface CallReference {
  readonly module: string;
  readonly export: string;
}

const MODULE = /^[^\0]*[^/\0]\.[cm]?[jt]s$/;
// In a function: sets of characters by property take half a millisecond to make.
const isIdentifier = (name: string): boolean => /^[\p{ID_Start}_$][\p{ID_Continue}$\u200c\u200d]*$/u.test(name);

/**
 * Reads a `call`. Without `#` the default export is meant. The file is a TypeScript or JavaScript module (`.ts .mts .cts .js .mjs
 * .cjs`); the export is an identifier of ECMAScript (section 12.7).
 * @returns null when the text has another form.
 */
export function parseCall(text: string): CallReference | null {
  const mark = text.lastIndexOf('#');
  const module = mark === -1 ? text : text.slice(0, mark);
  const name = mark === -1 ? 'default' : text.slice(mark + 1);
  return MODULE.test(module) && isIdentifier(name) ? { module, export: name } : null;
}
