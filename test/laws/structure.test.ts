/** The house as ARCHITECTURE.md describes it: which room may look into which, who owns which effect, how long a file may be. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file) => file.split(sep).join('/'));

const textOf = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]));
const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const IMPORT = /^(?:import|export)(\s+type)?\s+(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

const imports: readonly Import[] = files.flatMap((from) =>
  [...(textOf.get(from) ?? '').matchAll(IMPORT)].map(([, typeOnly, plain, dynamic]) => {
    const target = plain ?? dynamic ?? '';
    const to = target.startsWith('.')
      ? relative(SRC, resolve(SRC, dirname(from), target))
          .split(sep)
          .join('/')
      : target;
    return { from, to, typeOnly: typeOnly !== undefined };
  }),
);

const PAGE = readFileSync(resolve(SRC, '../ARCHITECTURE.md'), 'utf8');

/** Which rooms each room may import, as the page says under "Arrows". A room may always import itself. `type:` allows only `import type`. */
const ARROWS: { readonly [room: string]: readonly string[] } = Object.fromEntries(
  (/^Arrows: [^`]*(?:`[^`]+`[^`]*)*?```\n([^`]*)```/m.exec(PAGE)?.[1] ?? '')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ +/))
    .map(([room = '', ...others]) => [room, others]),
);

describe('arrows between rooms', () => {
  it('sees the imports it judges', () => {
    expect(imports.length).toBeGreaterThan(200);
    expect(imports).toContainEqual({ from: 'model/view.ts', to: 'base/ids.ts', typeOnly: true });
  });

  it('holds every arrow', () => {
    const broken = imports.filter(({ from, to, typeOnly }) => {
      const allowed = ARROWS[roomOf(from)];
      if (allowed === undefined || !to.endsWith('.ts') || roomOf(to) === roomOf(from)) return false;
      return !allowed.includes(roomOf(to)) && !(typeOnly && allowed.includes(`type:${roomOf(to)}`));
    });
    expect(broken.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('knows every room', () => {
    const rooms = new Set(files.map(roomOf));
    expect([...rooms].filter((room) => !(room in ARROWS)).sort()).toEqual(['cli', 'compose.ts', 'index.ts']);
    expect(Object.keys(ARROWS).filter((room) => !rooms.has(room))).toEqual([]);
    const tree = PAGE.slice(PAGE.indexOf('\nsrc/\n'), PAGE.indexOf('\nschemas/'));
    const named = [...tree.matchAll(/^ {2}([a-z]+)\/ /gm)].map(([, room]) => room);
    expect(named.sort(), 'in the tree of the page').toEqual(
      readdirSync(SRC)
        .filter((name) => !name.includes('.'))
        .sort(),
    );
  });

  it('lets nobody but the command line and the public interface import the composition root', () => {
    const users = imports.filter(({ to }) => to === 'compose.ts').map(({ from }) => roomOf(from));
    expect(users.filter((room) => room !== 'cli' && room !== 'index.ts')).toEqual([]);
  });
});

/** Effects and the files that own them. */
const OWNERS: readonly { readonly what: string; readonly pattern: RegExp; readonly rooms: RegExp }[] = [
  {
    what: 'the file system',
    pattern: /from 'node:fs(\/promises)?'/,
    rooms:
      /^(store|cache|process|secrets\/sources|runners|functions|load|embedding\/(?:rehearse|recorded-run)|cli|compose)/,
  },
  {
    what: 'child processes',
    pattern: /from '(node:child_process|execa)'/,
    rooms: /^(process|store\/flock-program|secrets\/command-source|functions\/standard-streams)/,
  },
  {
    what: 'the environment',
    // Right behind a quote it is a text for people.
    pattern: /(?<!['"`])\bprocess\.env\b/,
    rooms: /^(cli|compose|functions\/host|store\/flock-program)/,
  },
  {
    what: 'the wall clock',
    pattern: /\bDate\.now\(|new Date\(\)/,
    rooms: /^(process\/clock|cli|compose|store|flows\/context)/,
  },
  { what: 'randomness', pattern: /\bMath\.random\(/, rooms: /^(compose|flows\/context)/ },
  { what: 'the console', pattern: /\bconsole\.(log|error|warn|info)\(/, rooms: /^nobody/ },
];

describe('effects have owners', () => {
  for (const { what, pattern, rooms } of OWNERS) {
    it(`${what} is used by its owners only`, () => {
      const users = files.filter((file) => pattern.test(textOf.get(file) ?? '') && !rooms.test(file));
      expect(users).toEqual([]);
    });
  }
});

describe('files', () => {
  it('have at most 300 lines', () => {
    const long = files.filter((file) => (textOf.get(file) ?? '').split('\n').length - 1 > 300);
    expect(long).toEqual([]);
  });

  it('are named for an idea', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc|types)(\/|\.ts$)/.test(file))).toEqual([]);
  });

  it('export nothing without saying what it is', () => {
    const silent = files.flatMap((file) => {
      const lines = (textOf.get(file) ?? '').split('\n');
      return lines.flatMap((line, index) => {
        const exported = /^export (?:declare )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/.exec(line);
        const before = lines[index - 1] ?? '';
        const documented = before.trimEnd().endsWith('*/');
        return exported && !documented ? [`${file}: ${exported[1]}`] : [];
      });
    });
    expect(silent).toEqual([]);
  });
});
