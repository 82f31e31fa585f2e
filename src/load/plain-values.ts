/**
 * Which exports of a module are plain values, told from esbuild's print of it: every statement at the top begins a line, comments are
 * gone, and template literals are written as strings. Whatever is not sure is no plain value.
 */

/** What a value is, by its first character; digits and a sign mean a number. */
function kindOf(value: string): string | null {
  if (/^-?(?:\d[\w.]*|\.\d+)(?:e[-+]?\d+)?;/i.test(value)) return 'a number';
  if (/^(?:true|false|!0|!1);/.test(value)) return 'a boolean';
  if (/^null;/.test(value)) return 'null';
  if (/^void 0;/.test(value)) return 'undefined';
  const end = endOf(value);
  if (end === null) return null;
  if (value.startsWith('[')) return value[end] === ';' ? 'an array' : null;
  if (value.startsWith('{')) return value[end] === ';' ? 'an object' : null;
  if (stringLength(value) === null) return null;
  return value[end] === ';' || isTemplate(value.slice(end)) ? 'a text' : null;
}

/** A template literal as esbuild writes it: a string to which values are added. */
function isTemplate(rest: string): boolean {
  if (!rest.startsWith('.concat(')) return false;
  const end = endOf(rest.slice('.concat'.length));
  return end !== null && rest['.concat'.length + end] === ';';
}

/** Where a string ends that begins a text; null when none does. */
function stringLength(text: string): number | null {
  const [string] = /^"(?:[^"\\\n]|\\.)*"|^'(?:[^'\\\n]|\\.)*'/.exec(text) ?? [];
  return string?.length ?? null;
}

/** Where the string, list, map or bracket ends that begins a text; null where that cannot be told. */
function endOf(text: string): number | null {
  const string = stringLength(text);
  if (string !== null) return string;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? '';
    if (sign === '"' || sign === "'") {
      // One string at a time: a slice of the rest for each would take long in long modules.
      const line = text.indexOf('\n', at);
      const length = stringLength(text.slice(at, line === -1 ? text.length : line));
      if (length === null) return null;
      at += length - 1;
    } else if ('[{('.includes(sign)) depth += 1;
    else if (']})'.includes(sign)) depth -= 1;
    // Perhaps a regular expression or a template, which may hold any sign.
    else if (sign === '/' || sign === '`') return null;
    if (depth === 0) return at === 0 ? null : at + 1;
  }
  return null;
}

/** The names under which a module exports its own, by exported name. */
function exportedNames(code: string): ReadonlyMap<string, string> {
  const [, list = ''] = /^export \{\n([^}]*)\n\};\s*$/m.exec(code) ?? [];
  return new Map(
    list.split(',').flatMap((each): [string, string][] => {
      const [, own, exported] = /^\s*([\w$]+)(?: as ([\w$]+))?\s*$/.exec(each) ?? [];
      return own === undefined ? [] : [[exported ?? own, own]];
    }),
  );
}

/**
 * Finds exports that are surely no functions.
 * @param code the module as esbuild prints it, as ESM, without template literals. @param wanted the exports that are asked for.
 * @returns what each is, by name; those that may be functions are absent.
 */
export function plainValues(code: string, wanted: Iterable<string>): ReadonlyMap<string, string> {
  const names = exportedNames(code);
  const found = new Map<string, string>();
  for (const name of wanted) {
    const own = names.get(name);
    if (own === undefined) continue;
    const escaped = own.replaceAll('$', '\\$');
    const declarations = [...code.matchAll(new RegExp(`^(const|var) ${escaped} = `, 'gm'))];
    const [first] = declarations;
    if (first === undefined || declarations.length > 1) continue;
    // A default export has a variable that esbuild made, which nothing else names: declared and exported, that is two.
    const uses = code.match(new RegExp(`(?<![\\w$])${escaped}(?![\\w$])`, 'g'))?.length ?? 0;
    if (first[1] === 'var' && uses !== 2) continue;
    const kind = kindOf(code.slice(first.index + first[0].length));
    if (kind !== null) found.set(name, kind);
  }
  return found;
}
