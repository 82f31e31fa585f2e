/** A real terminal for the program: a tmux server of its own, whose screen the test looks at and whose keys it presses. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { eventually, type Rig } from '../kit/rig.ts';

/** False where there is no tmux; cases are then skipped visibly. */
export const hasTmux = spawnSync('tmux', ['-V'], { stdio: 'ignore' }).status === 0;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Ten seconds in steps of 50 ms. */
const MOST_LOOKS = 200;

/** A pane that runs bash. */
export class TmuxScreen {
  readonly #rig: Rig;
  readonly #socket: string;

  constructor(rig: Rig, { columns, rows }: Size, more: { readonly [name: string]: string | undefined } = {}) {
    this.#rig = rig;
    this.#socket = rig.path('tmux.sock');
    const env = rig.environment({ HISTFILE: '/dev/null', TMUX: undefined, ...more });
    const size = ['-x', String(columns), '-y', String(rows)];
    const shell = "exec env PS1='$ ' bash --norc --noprofile";
    execFileSync('tmux', ['-S', this.#socket, '-f', '/dev/null', 'new-session', '-d', '-s', 'test', ...size, shell], {
      cwd: rig.folder,
      env,
    });
    this.#tmux('pipe-pane', '-t', 'test', '-o', `cat >> '${rig.path('raw')}'`);
    // What is typed before bash reads its line stands there twice.
    for (let look = 0; look < MOST_LOOKS && !this.text().startsWith('$'); look += 1) spawnSync('sleep', ['0.05']);
  }

  #tmux(...argv: readonly string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...argv], { encoding: 'utf8' });
  }

  /** Types a line. */
  enter(line: string): void {
    this.#tmux('send-keys', '-t', 'test', '-l', line);
    this.press('Enter');
  }

  /** Presses a key by its name in tmux, such as `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', '-t', 'test', key);
  }

  /** The lines that are visible, with their durations masked, without the blank ones at the end. */
  lines(history = false): readonly string[] {
    const captured = this.#tmux('capture-pane', '-p', '-t', 'test', ...(history ? ['-S', '-'] : []));
    const lines = captured.split('\n').map((line) => line.trimEnd().replace(/\b\d+(?:\.\d)?(?:ms|s)\b/g, 'TIME'));
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  text(): string {
    return this.lines().join('\n');
  }

  get cursorIsVisible(): boolean {
    return this.#tmux('display-message', '-p', '-t', 'test', '#{cursor_flag}').trim() === '1';
  }

  get title(): string {
    return this.#tmux('display-message', '-p', '-t', 'test', '#{pane_title}').trim();
  }

  resize({ columns, rows }: Size): void {
    this.#tmux('resize-window', '-t', 'test', '-x', String(columns), '-y', String(rows));
  }

  /** Every byte that was sent to the terminal. */
  get raw(): string {
    const file = this.#rig.path('raw');
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }

  /** Resolves when the visible text matches. */
  async shows(text: string | RegExp): Promise<void> {
    const look = (): boolean => (typeof text === 'string' ? this.text().includes(text) : text.test(this.text()));
    await eventually(`the screen shows ${String(text)}`, 20_000, look).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.text()}`);
    });
  }

  close(): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server'], { stdio: 'ignore' });
  }
}
