/** Reads comma-separated values as RFC 4180 defines them: quoted fields may hold commas, line breaks and doubled quotes. */

/**
 * Splits a CSV text into records by its header line.
 * @returns one object per line, keyed by the names in the first line.
 * @throws Error when a line has more or fewer fields than the header, a quote is never closed, or text follows one.
 */
export function parseCsv(text: string): Record<string, string>[] {
  const [header = [], ...lines] = splitFields(text);
  return lines.map((fields, index) => {
    if (fields.length !== header.length) {
      throw new Error(`record ${index + 2} has ${fields.length} fields, the header has ${header.length}`);
    }
    return Object.fromEntries(header.map((name, column) => [name, fields[column] ?? '']));
  });
}

function splitFields(text: string): string[][] {
  const lines: string[][] = [];
  let fields: string[] = [];
  let position = 0;
  while (position < text.length) {
    let field: string;
    [field, position] = text[position] === '"' ? quotedField(text, position) : plainField(text, position);
    fields.push(field);
    if (text[position] === ',') {
      position += 1;
      // A comma right at the end stands before one more, empty field.
      if (position < text.length) continue;
      fields.push('');
    }
    lines.push(fields);
    fields = [];
    position += text.startsWith('\r\n', position) ? 2 : 1;
  }
  return lines;
}

function plainField(text: string, start: number): [field: string, end: number] {
  let end = start;
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && !text.startsWith('\r\n', end)) end += 1;
  return [text.slice(start, end), end];
}

function quotedField(text: string, start: number): [field: string, end: number] {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  if (end === -1) throw new Error(`the quote at character ${start + 1} is never closed`);
  if (!/^(?:,|\r?\n|$)/.test(text.slice(end + 1, end + 3)))
    throw new Error(`text after the quote at character ${end + 1}`);
  return [text.slice(start + 1, end).replaceAll('""', '"'), end + 1];
}
