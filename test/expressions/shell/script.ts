/** Scripts that nest the places in which a value may stand, with what they print when every value arrives byte for byte. */

/** A source of choices: a whole number from 0 up to, not including, the limit. */
export type Choose = (limit: number) => number;

/** The shell that a script is for. */
export type Target = 'sh' | 'bash';

/** A piece of a script and what it prints or stands for. */
interface Piece {
  readonly text: string;
  readonly means: string;
}

const LITERALS = ['a', 'b-c', '--x=', 'x.y/', 'é', '%', ',', '@', ':', 'done', 'if', '!', ']', '}', '1'];
const IN_DOUBLE = [
  ' ',
  "it's",
  '#',
  '; ',
  '`:`',
  '\\"',
  '\\\\',
  '$((1 + 1))',
  '(',
  ')',
  '|',
  '\n',
  '*',
  '{',
  '$ ',
  '${u:-d}',
];
const IN_DOUBLE_MEANS = [' ', "it's", '#', '; ', '', '"', '\\', '2', '(', ')', '|', '\n', '*', '{', '$ ', 'd'];
/** No backslash before a newline: in a here-document bash joins the lines, which is refused. */
const IN_SINGLE = [' ', '"', '#', '; ', '`', '\\_', '$(', '$', '(', ')', '|', '\n', '*', '{_', '$x', '#'];
const BARE = [
  '\\ ',
  "\\'",
  '\\"',
  '\\$',
  '\\\n',
  '$((1 + (2)))',
  "'",
  '"',
  '`:`',
  '""',
  '#',
  '${u:-d}',
  '\\#',
  '\\\\',
  '$(:)',
];
const BARE_MEANS = [' ', "'", '"', '$', '', '3', '', '', '', '', '#', 'd', '#', '\\', ''];
const NOISE = [
  '# it\'s "a $( comment with ${{ params.v0 }} in it',
  ': "it\'s" \'say "hi\' \\" # (',
  ': $(( (1 + 2) * 3 )) ${u:-"}"} ${u#*/} ${#u}',
  ': `echo "$(: \')\')"` a#b',
  'case "a" in a) : ;; (b|c) : "esac" ;; esac',
  'if true; then :; elif false; then :; else :; fi',
  "cat <<'N' >/dev/null\n$( \" ' `\nN",
  'cat <<-N >/dev/null; :\n\tit\'s "\n\tN',
  'noise() { : "}"; }; noise if then done',
  'while false; do :; done',
  ': $(echo ")" # a comment with ) in it\n)',
  ': $(case x in x) echo y;; esac)',
  '! false',
  ': \\\n  continued',
  ': $(cat <<N\n)\nN\n)',
];
const BASH_NOISE = [
  "((1 + 1 << 2)) # it's",
  '[[ "a(" == a* && ! ( b =~ ^(c|d)$ ) ]] || :',
  ": $'it\\'s' $\"x\" <(:) <<< 'x \"'",
  'array=(a "b c" # it\'s\n d); : "${array[@]}" ${array[1 + 1]}',
  'for ((i = 0; i < 2; i++)); do :; done',
  'function noisy { :; }; noisy &> /dev/null',
  'time : 2>/dev/null',
];

/** Builds scripts. Every value is `${{ params.v0 }}` up to the last. */
export class ScriptBuilder {
  readonly #choose: Choose;
  readonly #values: readonly string[];
  readonly #target: Target;
  #documents = 0;

  constructor(choose: Choose, values: readonly string[], target: Target) {
    this.#choose = choose;
    this.#values = values;
    this.#target = target;
  }

  #of<T>(choices: readonly T[]): T {
    return choices[this.#choose(choices.length)] as T;
  }

  #value(): Piece {
    const index = this.#choose(this.#values.length);
    const text = this.#of([
      `\${{ params.v${index} }}`,
      `\${{params.v${index}}}`,
      `\${{ format('{0}', params.v${index}) }}`,
    ]);
    return { text, means: this.#values[index] ?? '' };
  }

  #join(pieces: readonly Piece[]): Piece {
    return { text: pieces.map(({ text }) => text).join(''), means: pieces.map(({ means }) => means).join('') };
  }

  #some(least: number, most: number, make: () => Piece): Piece {
    return this.#join(Array.from({ length: least + this.#choose(most - least + 1) }, make));
  }

  #substitution(depth: number): Piece {
    const word = this.#word(depth - 1);
    const command = this.#of([
      `printf '%s.' ${word.text}`,
      `x=${word.text}; printf '%s.' "$x"`,
      `{ printf '%s.' ${word.text}; } | cat`,
      `printf '%s.' ${word.text} # it's )\n`,
      `(printf '%s.' ${word.text})`,
      `case x in x) printf '%s.' ${word.text} ;; esac`,
    ]);
    const space = command.startsWith('(') ? ' ' : '';
    return { text: `$(${space}${command})`, means: `${word.means}.` };
  }

  #double(depth: number): Piece {
    const inner = this.#some(0, 4, () => {
      const kind = this.#choose(depth > 0 ? 4 : 3);
      if (kind === 0) return this.#value();
      if (kind === 3) return this.#substitution(depth);
      const index = this.#choose(IN_DOUBLE.length);
      if (kind === 1) return { text: IN_DOUBLE[index] ?? '', means: IN_DOUBLE_MEANS[index] ?? '' };
      const text = this.#of(LITERALS);
      return { text, means: text };
    });
    return { text: `"${inner.text}"`, means: inner.means };
  }

  #single(): Piece {
    const inner = this.#some(0, 3, () => {
      if (this.#choose(2) === 0) return this.#value();
      const text = this.#of(IN_SINGLE);
      return { text, means: text };
    });
    return { text: `'${inner.text}'`, means: inner.means };
  }

  /** A word: never empty as text, never an option of `printf`. */
  #word(depth: number): Piece {
    const first = this.#of([this.#value(), this.#double(depth), this.#single()]);
    const more = this.#some(0, 3, () => {
      switch (this.#choose(5)) {
        case 0:
          return this.#value();
        case 1:
          return this.#double(depth);
        case 2:
          return this.#single();
        case 3: {
          const index = this.#choose(BARE.length);
          const quote = BARE[index] ?? '';
          if (quote === "'" || quote === '"') return { text: `${quote}${quote}`, means: '' };
          return { text: quote, means: BARE_MEANS[index] ?? '' };
        }
        default: {
          const text = this.#of(LITERALS);
          return { text, means: text };
        }
      }
    });
    return this.#join([first, more]);
  }

  #document(
    depth: number,
    stripsTabs: boolean,
  ): { readonly start: string; readonly body: string; readonly means: string } {
    this.#documents += 1;
    const delimiter = `${this.#of(['END', 'E_O_F', '!', 'done'])}${this.#documents}`;
    const lines = Array.from({ length: this.#choose(4) }, () =>
      this.#some(0, 4, () => {
        const kind = this.#choose(depth > 0 ? 4 : 3);
        if (kind === 0) return this.#value();
        if (kind === 3) return this.#substitution(depth);
        const text = this.#of([
          ' ',
          "it's",
          '"',
          '# x',
          ') ',
          '; ',
          '\\\\',
          '\\$',
          '$((1 + 1))',
          '${u:-d}',
          'END',
          "'",
          '\t',
          '((',
          '|',
        ]);
        const means = { '\\\\': '\\', '\\$': '$', '$((1 + 1))': '2', '${u:-d}': 'd' }[text] ?? text;
        return { text, means };
      }),
    );
    // A tab at the beginning of a line is stripped with the others; a mark keeps them apart.
    const body = lines.map(({ text }) => (stripsTabs ? `\t\t.${text}\n` : `.${text}\n`)).join('');
    const means = lines.map((line) => `.${line.means}\n`).join('');
    return {
      start: `${stripsTabs ? '<<-' : '<<'}${this.#of(['', ' '])}${delimiter}`,
      body: `${body}${stripsTabs ? this.#of(['', '\t']) : ''}${delimiter}\n`,
      means,
    };
  }

  #hereDocuments(depth: number): Piece {
    const one = this.#document(depth, this.#choose(2) === 0);
    const two = this.#document(depth, this.#choose(2) === 0);
    const end = "printf '\\0'\n";
    return this.#of<() => Piece>([
      () => ({ text: `cat ${one.start}\n${one.body}${end}`, means: `${one.means}\0` }),
      () => ({ text: `cat ${one.start} | cat; ${end.trim()} # it's\n${one.body}`, means: `${one.means}\0` }),
      () => ({ text: `cat ${one.start} |\n${one.body}cat\n${end}`, means: `${one.means}\0` }),
      () => ({ text: `cat ${one.start} && \\\n${end}${one.body}`, means: `${one.means}\0` }),
      () => ({
        text: `{ cat; cat <&3; } ${one.start} 3${two.start}\n${one.body}${two.body}${end}`,
        means: `${one.means}${two.means}\0`,
      }),
      () => ({
        text: `(cat ${one.start}; cat ${two.start}; ${end.trim()})\n${one.body}${two.body}`,
        means: `${one.means}${two.means}\0`,
      }),
      () => ({
        text: `while read -r line; do :; done ${one.start}; cat ${two.start}; ${end.trim()}\n${one.body}${two.body}`,
        means: `${two.means}\0`,
      }),
      () => ({
        text: `printf '%s.\\0' "$(cat ${one.start}\n${one.body})"\n`,
        means: `${one.means.replace(/\n+$/, '')}.\0`,
      }),
    ])();
  }

  #print(depth: number): Piece {
    const words = Array.from({ length: 1 + this.#choose(3) }, () => this.#word(depth));
    const blank = (): string => this.#of([' ', ' ', '  ', '\t', ' \\\n']);
    const text = words.map((word) => `${blank()}${word.text}`).join('');
    const end = this.#of(['\n', '; :\n', " # it's\n", ' | cat\n', ' && :\n', ' || :\n', ' 2>/dev/null\n', ' >&1\n']);
    return { text: `printf '%s\\0'${text}${end}`, means: words.map(({ means }) => `${means}\0`).join('') };
  }

  #assignment(depth: number): Piece {
    const word = this.#word(depth);
    const text = this.#of([
      `x=${word.text}; printf '%s\\0' "$x"\n`,
      `y=1 x=${word.text}\nprintf '%s\\0' "$x"\n`,
      `x=${word.text} sh -c 'printf "%s\\0" "$x"'\n`,
      `export x=${word.text}; sh -c 'printf "%s\\0" "$x"'\n`,
      `x=${word.text} \\\n  env -u y sh -c 'printf "%s\\0" "$x"'\n`,
      `set -- ${word.text}; printf '%s\\0' "$@"\n`,
      `show() { printf '%s\\0' "$1"; }; show ${word.text}\n`,
      `show() (printf '%s\\0' ${word.text})\nshow\n`,
      `for x in ${word.text}; do printf '%s\\0' "$x"; done\n`,
      `for x in ${word.text}\ndo printf '%s\\0' "$x"\ndone\n`,
    ]);
    return { text, means: `${word.means}\0` };
  }

  #bashOnly(depth: number): Piece {
    const word = this.#word(depth);
    const text = this.#of([
      `cat <<< ${word.text}; printf '\\0'\n`,
      `cat <(printf '%s\\n' ${word.text}); printf '\\0'\n`,
      `cat < <(printf '%s\\n' ${word.text}) |& cat; printf '\\0'\n`,
      `x=; x+=${word.text}; printf '%s\\n\\0' "$x"\n`,
      `array[1]=${word.text}; printf '%s\\n\\0' "\${array[1]}"\n`,
      `time printf '%s\\n\\0' ${word.text}\n`,
      `function show { printf '%s\\n\\0' "$1"; }; show ${word.text}\n`,
    ]);
    return { text, means: `${word.means}\n\0` };
  }

  #compound(depth: number): Piece {
    const { text, means } = this.#statements(depth - 1);
    const word = this.#word(depth - 1);
    const made = this.#of([
      `{ ${text}}\n`,
      `(\n${text})\n`,
      `if true; then\n${text}fi\n`,
      `if false; then :; else ${text}fi\n`,
      `if [ ${word.text} = ${word.text} ]; then ${text}fi\n`,
      `case ${word.text} in\n  'no such') : ;;\n  *) ${text};;\nesac\n`,
      `case x in (x) ${text} esac\n`,
      `for i in 1; do ${text}done\n`,
      `until ${text}true; do :; done\n`,
      `! { ${text}false; }\n`,
      `{ ${text}} | cat\n`,
      `inner() {\n${text}}\ninner\n`,
      `true && { ${text}} || exit 9\n`,
    ]);
    return { text: made, means };
  }

  #statement(depth: number): Piece {
    switch (this.#choose(depth > 0 ? 7 : 5)) {
      case 0:
        return this.#assignment(depth);
      case 1:
        return this.#hereDocuments(depth);
      case 2:
        return { text: `${this.#of(this.#target === 'bash' ? [...NOISE, ...BASH_NOISE] : NOISE)}\n`, means: '' };
      case 3:
        return this.#target === 'bash' ? this.#bashOnly(depth) : this.#print(depth);
      case 5:
      case 6:
        return this.#compound(depth);
      default:
        return this.#print(depth);
    }
  }

  #statements(depth: number): Piece {
    return this.#join([this.#print(depth), this.#some(0, 3, () => this.#statement(depth))]);
  }

  /** A whole script: what to splice, and what it has to print. */
  build(): { readonly text: string; readonly prints: string } {
    const { text, means } = this.#some(1, 5, () => this.#statement(2));
    return { text, prints: means };
  }
}
