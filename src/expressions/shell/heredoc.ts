/** Here-documents (POSIX.1-2024, XCU 2.7.4): announced in one place, read behind the end of that line. */

import { readBackticks, readDollar } from './expansion.ts';
import type { RefusedPlace } from './place.ts';
import type { Reading } from './reading.ts';
import type { Heredoc } from './tree.ts';

/** Reads the delimiter behind `<<` or `<<-` and announces the document. */
export function announceHeredoc(reading: Reading, stripsTabs: boolean): Heredoc {
  let delimiter = '';
  let isQuoted = false;
  const heredoc = (): Heredoc => ({ kind: 'heredoc', delimiter, isQuoted, stripsTabs, marks: [], inner: [] });
  while (!reading.isAtEnd && !/[ \t\n;&|<>()]/.test(reading.peek())) {
    const expression = reading.expressionAt();
    if (expression !== -1) {
      const document = heredoc();
      document.marks.push({ expression, quoting: 'bare', refused: 'heredoc_delimiter' });
      reading.skipExpression(expression);
      reading.stop();
      return document;
    }
    const quoted = reading.match(/\\[^\n]|'[^'\n]*'|"[^"\\$`\n]*"/y)?.[0];
    if (quoted !== undefined && !quoted.includes('${{')) {
      isQuoted = true;
      delimiter += quoted.startsWith('\\') ? quoted.slice(1) : quoted.slice(1, -1);
      reading.position += quoted.length;
    } else if (/[\\'"$`]/.test(reading.peek())) {
      reading.stop();
    } else {
      delimiter += reading.peek();
      reading.position += 1;
    }
  }
  if (delimiter === '' && !isQuoted) reading.stop();
  const document = heredoc();
  reading.pending.push(document);
  return document;
}

/** Reads the bodies that were announced, from behind the newline. */
export function readHeredocs(reading: Reading): void {
  const announced = reading.pending;
  reading.pending = [];
  for (const heredoc of announced) {
    if (reading.stoppedAt !== null) return;
    readBody(reading, heredoc);
  }
}

const endsInContinuation = (line: string): boolean => (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1;

function readBody(reading: Reading, heredoc: Heredoc): void {
  const { delimiter, isQuoted, stripsTabs } = heredoc;
  let lineStart = reading.position;
  let isContinued = false;
  for (const lineEnd of reading.lineEnds()) {
    const raw = reading.text.slice(lineStart, lineEnd);
    const line = stripsTabs ? raw.replace(/^\t+/, '') : raw;
    if (line === delimiter) {
      // Whether a line that continues another can be the delimiter differs between shells.
      if (isContinued) return reading.stop();
      readContent(reading, heredoc, lineStart, isQuoted ? 'quoted_heredoc' : null);
      reading.position = reading.stoppedAt ?? Math.min(lineEnd + 1, reading.limit);
      return;
    }
    // Some versions of bash end a document inside `$(...)` there.
    if (reading.depth > 0 && line.startsWith(delimiter) && line.slice(delimiter.length).trimStart().startsWith(')')) {
      return reading.stop();
    }
    const isJoined = endsInContinuation(line);
    if (isJoined && isQuoted && reading.joinsLines) return reading.stop();
    isContinued = !isQuoted && isJoined;
    lineStart = lineEnd + 1;
  }
  readContent(reading, heredoc, reading.limit, 'unterminated');
  reading.stop('unterminated');
}

/** Reads the expressions of a body. Expansions that go beyond its end stop reading. */
function readContent(reading: Reading, heredoc: Heredoc, end: number, refused: RefusedPlace | null): void {
  const { limit, joinsLines } = reading;
  reading.limit = end;
  reading.joinsLines ||= !heredoc.isQuoted;
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    if (expression !== -1) {
      heredoc.marks.push({ expression, quoting: 'heredoc', refused });
      reading.skipExpression(expression);
      continue;
    }
    if (heredoc.isQuoted) {
      reading.position += reading.run(/[^$]+/y).length;
      continue;
    }
    switch (reading.peek()) {
      case '\\':
        readBackslash(reading, heredoc);
        break;
      case '`':
        readBackticks(reading, heredoc);
        break;
      case '$':
        readDollar(reading, heredoc, 'heredoc', refused);
        break;
      default:
        reading.position += reading.run(/[^\\`$]+/y).length;
    }
  }
  reading.joinsLines = joinsLines;
  if (reading.stoppedAt === null) reading.limit = limit;
}

function readBackslash(reading: Reading, heredoc: Heredoc): void {
  const expression = reading.expressionAt(1);
  if (expression === -1) {
    reading.position = Math.min(reading.position + 2, reading.limit);
    return;
  }
  heredoc.marks.push({ expression, quoting: 'heredoc', refused: 'escaped' });
  reading.skipExpression(expression);
}
