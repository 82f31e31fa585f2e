/**
 * Negative controls: a program without one of its safeguards, and the check that has to notice. A harness that never fails proves
 * nothing. The program is built from a copy of the source in which one place is another; that place has to be there exactly once.
 */

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { canCutPower, canTrace } from '../kit/abilities.ts';
import {
  hasOneOwner,
  keepsLoudLogs,
  leavesNoOrphans,
  noticesDamage,
  survivesPowerCut,
  writesBeforeItActs,
} from './directed.ts';
import type { Violations } from './promises.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A safeguard, how it is taken out, and what notices. */
export interface Control {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly check: (bin: string | null) => Promise<Violations>;
  /** False where the check cannot be made on this machine. */
  readonly isPossible: () => boolean;
}

const always = (): boolean => true;

/** All of them. */
export const CONTROLS: readonly Control[] = [
  {
    name: 'fdatasync',
    edits: [
      {
        file: 'src/store/file-operations.ts',
        from: 'sync: (fd, settled) => fdatasync(fd, settled)',
        to: 'sync: (_fd, settled) => void setImmediate(() => settled(null))',
      },
    ],
    check: survivesPowerCut,
    isPossible: () => canCutPower('ext4'),
  },
  {
    name: 'the watchdog and the sweep',
    edits: [
      { file: 'src/process/watchdog.ts', from: "['-c', WATCHDOG_SCRIPT,", to: "['-c', 'cat'," },
      {
        file: 'src/process/sweep.ts',
        from: 'return tagged.filter(({ token }) => tokenMatches(token, pattern)).map(({ pid }) => pid);',
        to: 'return tagged.filter(() => false).map(({ pid }) => pid);',
      },
    ],
    check: leavesNoOrphans,
    isPossible: always,
  },
  {
    name: 'write, then act: an attempt begins before its record is on disk',
    edits: [
      {
        file: 'src/engine/ledger.ts',
        from: 'for (const event of events) this.unpublished.push(event);\n',
        to: 'for (const event of events) this.unpublished.push(event);\n    for (const event of events) this.parts.perform(event);\n',
      },
      {
        file: 'src/engine/ledger.ts',
        from: '          for (const event of events) this.parts.perform(event);\n        },',
        to: '        },',
      },
    ],
    check: writesBeforeItActs,
    isPossible: canTrace,
  },
  {
    name: 'write, then tell: an end is told before it is on disk',
    edits: [
      {
        file: 'src/engine/ledger.ts',
        from: 'for (const event of events) this.unpublished.push(event);\n',
        to: 'for (const event of events) this.unpublished.push(event);\n    this.publishUpTo(last.seq);\n',
      },
    ],
    check: writesBeforeItActs,
    isPossible: canTrace,
  },
  {
    name: 'the effect comes first: a success is recorded when the process begins',
    edits: [
      {
        file: 'src/process/launcher.ts',
        from: "child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));",
        to: 'setImmediate(() => resolve({ exitCode: 0, signal: null }));',
      },
    ],
    check: writesBeforeItActs,
    isPossible: canTrace,
  },
  {
    name: 'the lock',
    edits: [
      {
        file: 'src/store/flock-program.ts',
        from: 'if (status === 1) return false;',
        to: 'if (status === 1) return true;',
      },
    ],
    check: hasOneOwner,
    isPossible: always,
  },
  {
    name: 'the checksum',
    edits: [
      {
        file: 'src/store/sealed-line.ts',
        from: 'if (crc32(line.subarray(0, end)) !== Number.parseInt(written, 16)) {',
        to: 'if (crc32(line.subarray(0, end)) === Number.parseInt(written, 16) + 2 ** 33) {',
      },
    ],
    check: noticesDamage,
    isPossible: always,
  },
  {
    name: 'the named pipe of case 61',
    edits: [
      {
        file: 'src/process/log.ts',
        from: '/\\/dev\\/(?:std(?:out|err)|fd\\b)|\\/proc\\/(?:self|\\$\\$)\\/fd\\b/.test(text)',
        to: '/no such text/.test(text)',
      },
    ],
    check: keepsLoudLogs,
    isPossible: always,
  },
];

const REPOSITORY = resolve(import.meta.dirname, '../..');
/** What is only for speed, or for editors, and takes longer than the program itself. */
const LESS: Edit = { file: 'src/build/build.js', from: '  compileAhead(root);\n', to: '' };

/** A program that lacks something. */
export interface Mutant {
  readonly bin: string;
  remove(): void;
}

/** Builds one. @throws when a place to be changed is not there exactly once, or the build fails. */
export async function buildMutant({ edits }: Pick<Control, 'edits'>): Promise<Mutant> {
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-mutant-'));
  for (const part of ['src', 'bin', 'schemas', 'examples/templates', 'package.json', 'tsconfig.json']) {
    cpSync(join(REPOSITORY, part), join(folder, part), { recursive: true });
  }
  // Without the compiler no types are made.
  mkdirSync(join(folder, 'node_modules'));
  const packages = join(REPOSITORY, 'node_modules');
  for (const name of readdirSync(packages)) {
    if (name !== 'typescript') symlinkSync(join(packages, name), join(folder, 'node_modules', name));
  }
  for (const { file, from, to } of [...edits, LESS]) {
    const text = readFileSync(join(folder, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold this exactly once: ${from}`);
    writeFileSync(
      join(folder, file),
      text.replace(from, () => to),
    );
  }
  const child = spawn(process.execPath, ['src/build/build.js'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const code = await new Promise<number | null>((done) => child.on('close', done));
  if (code !== 0) throw new Error(`the build failed: ${said}`);
  return {
    bin: join(folder, 'bin', 'flowctl.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What notices that a safeguard is missing; empty: nothing does. @param tries how often it may be looked for. */
export async function tryControl(control: Control, tries: number): Promise<Violations> {
  const mutant = await buildMutant(control);
  try {
    let noticed: Violations = [];
    for (let left = tries; left > 0 && noticed.length === 0; left -= 1) noticed = await control.check(mutant.bin);
    return noticed;
  } finally {
    mutant.remove();
  }
}
