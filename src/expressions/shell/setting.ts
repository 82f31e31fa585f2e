/** Commands that change what other text means: how the rest is read, or what assigning to a variable does. */

import type { Word } from './tree.ts';

/** Options of `shopt` that change only what commands do, not how text is read. */
const HARMLESS_SHOPT =
  /^(?:-[sqpu]+|nullglob|globstar|failglob|dotglob|nocaseglob|nocasematch|lastpipe|inherit_errexit|globasciiranges|xpg_echo|execfail|checkjobs|huponexit)$/;
const CHANGING_SET = /^[-+][A-Za-z]*[kH]|^(?:posix|keyword|histexpand|history)$/;

/**
 * The command that changes how the rest is read: `alias`, and some settings of `shopt` and `set`. Aliases do exist in scripts:
 * dash expands them always, bash with `shopt -s expand_aliases`.
 * @returns its name, or null.
 */
export function changesReading(words: readonly Word[]): string | null {
  let first = 0;
  while (/^(?:command|builtin)$/.test(words[first]?.text ?? '')) first += 1;
  const name = words[first]?.text ?? null;
  const rest = words.slice(first + 1);
  switch (name) {
    case 'alias':
      return rest.some(({ text }) => text === null || text.includes('=')) ? name : null;
    case 'shopt':
      return rest.some(({ text }) => text === null || !HARMLESS_SHOPT.test(text)) ? name : null;
    case 'set': {
      const end = rest.findIndex(({ text }) => text === '--');
      const options = end === -1 ? rest : rest.slice(0, end);
      return options.some(({ text }) => text === null || CHANGING_SET.test(text)) ? name : null;
    }
    default:
      return null;
  }
}

const DECLARING = /^(?:declare|typeset|local|readonly|export|integer|nameref)$/;

/** True when a command may give variables the attribute of numbers or of references to others. */
export function declaresAttributes(words: readonly Word[]): boolean {
  const first = words.findIndex(({ text }) => text !== null && DECLARING.test(text));
  if (first === -1) return false;
  return words
    .slice(first)
    .some(({ text, literal }) =>
      text === null ? /^(?:[-+]|$)/.test(literal) : /^[-+]\w*[in]|^integer$|^nameref$/.test(text),
    );
}
