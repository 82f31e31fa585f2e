/** How many terminal columns a text takes, and how to show characters that a terminal would obey instead of print. */

const TAB_COLUMNS = 4;
// In functions: sets of characters by property take half a millisecond to make, and most texts need none.
const takesNoColumn = (character: string): boolean => /^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character);
const takesTwoColumns = (character: string): boolean =>
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]$/u.test(
    character,
  );
/** C0, DEL, C1 and the controls of writing direction (UAX #9), which could make a line read as something else. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/g;

/**
 * The columns of one character: 0 for marks and format characters, 2 for East Asian wide ones and emoji, 4 for a tab, else 1
 * (an approximation of UAX #11 by scripts).
 */
export function columnsOf(character: string): number {
  if (character === '\t') return TAB_COLUMNS;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (takesNoColumn(character)) return 0;
  return takesTwoColumns(character) ? 2 : 1;
}

/** Latin letters, digits and signs: a column each. */
const PLAIN = /^[ -~\u00a0-\u00ac\u00ae-\u02ff]*$/;

/** The columns of a text. */
export function textColumns(text: string): number {
  // A table asks for each cell twice, and hardly any holds more than that.
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

/** Replaces what a terminal would obey by a picture of it (`␛` for ESC); line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\uFFFD';
  });
}

/** Replaces tabs by the columns they take. */
export const withoutTabs = (text: string): string => text.replace(/\t/g, ' '.repeat(TAB_COLUMNS));
