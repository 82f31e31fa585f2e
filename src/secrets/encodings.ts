/**
 * The ways in which a value is likely to be printed: as it is, each of its lines, in base64 and hexadecimal, inside URLs, JSON, shell
 * words and markup. What was compressed, hashed, encrypted, reversed or printed with something between its characters is not among them.
 */

/** The forms of values, as bytes. */
export interface Forms {
  /** Found only as they stand. */
  readonly exact: readonly Uint8Array[];
  /** Found also with line breaks inside: `base64` breaks its lines after 76 characters, `xxd -p` after 60. */
  readonly wrapped: readonly Uint8Array[];
}

/** A line of fewer characters is too common to be hidden wherever it stands. */
const SHORTEST_LINE = 4;

/** Every form of some values, each once. */
export function formsOf(values: readonly string[]): Forms {
  const exact = new Set<string>();
  const wrapped = new Set<string>();
  for (const part of new Set(values.flatMap(partsOf))) {
    for (const form of textForms(part)) exact.add(form);
    for (const form of byteForms(Buffer.from(part))) wrapped.add(form);
  }
  const longEnough = (form: string): boolean => form.length >= SHORTEST_LINE;
  const asBytes = (forms: Set<string>): readonly Uint8Array[] =>
    [...forms].filter(longEnough).map((form) => Buffer.from(form));
  return { exact: asBytes(exact), wrapped: asBytes(wrapped) };
}

/** The value, without the white space around it, and its lines. The border lines of a PEM file say nothing and are in many files. */
function partsOf(value: string): readonly string[] {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  const telling = lines.filter((line) => [...line].length >= SHORTEST_LINE && !/^-----[A-Z0-9 ]+-----$/.test(line));
  return [value, value.trim(), ...(lines.length > 1 ? telling : [])];
}

function* textForms(text: string): Generator<string> {
  yield text;
  const json = inJson(text);
  yield json;
  // JSON in a text that is put into JSON once more, as loggers do.
  yield inJson(json);
  for (const slashes of [json, json.replaceAll('/', '\\/')]) {
    yield slashes;
    yield inAscii(slashes, (code) => code);
    yield inAscii(slashes, (code) => code.toUpperCase());
  }
  // As encoders write JSON that may stand in a page.
  yield json.replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
  yield* inShell(text);
  yield* inUrls(text);
  yield text.replace(/[&<>"']/g, (character) => MARKUP.get(character) ?? character);
  yield text.replace(/[&<>]/g, (character) => MARKUP.get(character) ?? character);
}

const MARKUP = new Map(
  [...'&<>"\''].map((character, index) => [character, ['&amp;', '&lt;', '&gt;', '&quot;', '&#39;'][index]]),
);

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

const inAscii = (text: string, letters: (code: string) => string): string =>
  text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${letters(unit.charCodeAt(0).toString(16).padStart(4, '0'))}`);

/** Inside single quotes and double quotes, without quotes, and as languages quote strings of their own. POSIX XCU 2.2. */
function* inShell(text: string): Generator<string> {
  yield text.replaceAll("'", `'\\''`);
  yield text.replaceAll("'", `'"'"'`);
  yield text.replace(/["$`\\]/g, '\\$&');
  // `printf %q` of bash; a comma and a tilde are quoted by some versions.
  yield text.replace(/[^\w@%+=:./-]/g, '\\$&');
  yield text.replace(/[^\w@%+=:.,/~-]/g, '\\$&');
  const escapes = text
    .replace(/[\\']/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  yield escapes;
}

/** What the encoders in use leave as it is: forms, RFC 3986, encodeURIComponent, encodeURI, and Python's `quote`. */
const UNRESERVED = [/[^\w.*-]/gu, /[^\w.~-]/gu, /[^\w.!~*'()-]/gu, /[^\w.!~*'();,/?:@&=+$#-]/gu, /[^\w.~/-]/gu];

function* inUrls(text: string): Generator<string> {
  for (const others of UNRESERVED) {
    const upper = text.replace(others, (character) =>
      Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&'),
    );
    const lower = upper.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
    for (const form of [upper, lower]) {
      yield form;
      yield form.replaceAll('%20', '+');
    }
  }
}

/** Hexadecimal, and base64 (RFC 4648) wherever the value begins in what is encoded. */
function* byteForms(bytes: Buffer): Generator<string> {
  const hex = bytes.toString('hex');
  yield hex;
  yield hex.toUpperCase();
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Characters that also hold bits of a neighbour are left out, but at the very end, where the neighbour is nothing.
    const first = Math.ceil((before * 8) / 6);
    const sure = encoded.slice(first, Math.floor(((before + bytes.length) * 8) / 6));
    const toTheEnd = encoded.slice(first);
    for (const form of [sure, toTheEnd, toTheEnd.replaceAll('=', '')]) {
      yield form;
      yield form.replaceAll('+', '-').replaceAll('/', '_');
    }
  }
}
