/**
 * What a step printed, made fit for a terminal: colours stay, everything else that a terminal would obey goes (C0 and C1 controls
 * but tab, newline and carriage return before a newline, every escape sequence of ECMA-48 but SGR, and the bidirectional controls
 * of Unicode, UAX 9). To a pipe or a file bytes go as they are, and not through here.
 */

type State = 'text' | 'escape' | 'csi' | 'string' | 'string_escape' | 'charset';

const BIDI = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/;
const LONGEST_SGR = 64;
/** Without one of these there is nothing to take out. */
const SUSPICIOUS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** A filter that keeps its place between chunks, so that a sequence cut in two is still seen as one. */
export class TerminalFilter {
  private readonly decoder = new TextDecoder('utf-8');
  private state: State = 'text';
  private parameters = '';

  /** Takes the next bytes, returns what may be shown of them. */
  push(chunk: Uint8Array): string {
    return this.filter(this.decoder.decode(chunk, { stream: true }));
  }

  /** Ends the stream: what is left of a character cut in two shows as U+FFFD. */
  end(): string {
    return this.filter(this.decoder.decode());
  }

  /** Filters text that was decoded before. */
  filter(text: string): string {
    let shown = '';
    for (const character of text) shown += this.next(character);
    return shown;
  }

  private next(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    switch (this.state) {
      case 'text':
        return this.text(character, code);
      case 'escape':
        return this.escape(character);
      case 'charset':
        this.state = 'text';
        return '';
      case 'csi':
        return this.controlSequence(character, code);
      case 'string':
        if (code === 0x1b) this.state = 'string_escape';
        else if (code === 0x07 || code === 0x9c || code === 0x0a) this.state = 'text';
        return code === 0x0a ? character : '';
      case 'string_escape':
        this.state = character === '\\' ? 'text' : 'string';
        return '';
    }
  }

  private text(character: string, code: number): string {
    if (code === 0x1b) this.state = 'escape';
    else if (code === 0x9b) this.begin();
    else if (code === 0x90 || code === 0x98 || code === 0x9d || code === 0x9e || code === 0x9f) this.state = 'string';
    else if (code === 0x09 || code === 0x0a) return character;
    else if (code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code <= 0x9f) && !BIDI.test(character))
      return character;
    return '';
  }

  private begin(): void {
    this.state = 'csi';
    this.parameters = '';
  }

  private escape(character: string): string {
    if (character === '[') this.begin();
    else if (']PX^_'.includes(character)) this.state = 'string';
    else if ('()*+-./#% '.includes(character)) this.state = 'charset';
    else this.state = 'text';
    return character === '\n' ? character : '';
  }

  private controlSequence(character: string, code: number): string {
    if (code < 0x40 && code >= 0x20) {
      if (this.parameters.length < LONGEST_SGR) this.parameters += character;
      return '';
    }
    this.state = 'text';
    if (code === 0x0a) return character;
    return character === 'm' && /^[0-9;:]*$/.test(this.parameters) ? `\u001b[${this.parameters}m` : '';
  }
}

/** One line of text without anything that a terminal would obey, colours included; line breaks become spaces. */
export function withoutControls(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  const shown = new TerminalFilter().filter(text);
  return shown.replace(/\u001b\[[0-9;:]*m/g, '').replace(/[\n\t]+/g, ' ');
}

/** The same for a text of several lines. */
export const linesWithoutControls = (text: string): string => text.split('\n').map(withoutControls).join('\n');
