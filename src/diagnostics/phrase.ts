/** Parts that sentences are made of. */

/** A name as it stands in a sentence; cut in the middle when it is longer than 60 characters. */
export function quoted(name: string): string {
  const shown = name.length > 60 ? `${name.slice(0, 40)}…${name.slice(-15)}` : name;
  return `\`${shown}\``;
}

/** `a`, `a or b`, `a, b or c`; above ten members the rest is counted. @param most what is counted in place of ten. */
export function listed(members: readonly string[], joiner: 'or' | 'and', most = 10): string {
  if (members.length > most)
    return `${members.slice(0, most - 1).join(', ')} ${joiner} ${members.length - most + 1} more`;
  if (members.length < 2) return members.join('');
  return `${members.slice(0, -1).join(', ')} ${joiner} ${members.at(-1) ?? ''}`;
}

/** As `listed`, each member in backticks. */
export const listedNames = (names: readonly string[], joiner: 'or' | 'and', most?: number): string =>
  listed(names.map(quoted), joiner, most);

/** `1 problem`, `2 problems`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A value as YAML: whole numbers, `true` and `false` as they are, a text in double quotes where it needs them. */
export function yamlScalar(text: string): string {
  if (/^[0-9]{1,15}(?:ms|s|m|h|d|w)?$/.test(text) || text === 'true' || text === 'false') return text;
  // `.5`, `.inf` and `.nan` are numbers.
  const isOther = /^(?:true|false|null|\.inf|\.nan|\.\d.*)$/i.test(text);
  const isPlain = /^[A-Za-z_./][A-Za-z0-9_./ -]*$/.test(text) && !isOther && !/ $/.test(text);
  return isPlain ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** A text in quotes as YAML has them: single ones, in which nothing is escaped, unless it holds one itself. */
export function inQuotes(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  return /[\\"]/.test(text) ? `'${text.replaceAll("'", "''")}'` : `"${text}"`;
}

/** `step x`; a handler, whose name is its place, in its name alone. */
export const stepNamed = (name: string): string => (name.endsWith(']') ? quoted(name) : `step ${quoted(name)}`);

/** Several lines to write, each indented for the printer of helps. */
export const example = (...lines: readonly string[]): string => lines.map((line) => `\n    ${line}`).join('');
