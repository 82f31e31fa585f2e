/** A mount namespace of a test's own, in which a project's state lies on a small file system; gone with the test. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Ended, Rig, RigOptions, Started } from './rig.ts';

/** Programs that see the small disk. Needs `canUnshare()`. */
export class Island {
  private readonly rig: Rig;
  private readonly holder: ChildProcess;

  private constructor(rig: Rig, holder: ChildProcess) {
    this.rig = rig;
    this.holder = holder;
  }

  /** @param options of mount(8) for the tmpfs that takes the place of `.flowctl`, such as `size=1m`. */
  static async open(rig: Rig, options: string): Promise<Island> {
    const state = rig.path('.flowctl');
    mkdirSync(state, { recursive: true, mode: 0o700 });
    // It lives until its standard input is closed, by whatever end of the test.
    const text = 'mount -t tmpfs -o "mode=700,$1" none "$2" && echo ready && cat >/dev/null';
    const holder = spawn('unshare', ['-Urm', 'sh', '-ec', text, 'sh', options, state], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise<void>((ready, failed) => {
      holder.stdout.once('data', () => ready());
      holder.once('exit', () => failed(new Error('the small disk cannot be mounted')));
    });
    return new Island(rig, holder);
  }

  /** Starts a bash text in which `"$NODE" "$BIN"` is the program. */
  start(text: string, options: RigOptions = {}): Started {
    const enter = ['--target', String(this.holder.pid), '--user', '--mount', '--'];
    // The folder that a program is started in belongs to the mounts outside, whatever lies there inside.
    const script = 'cd "$0" && eval "$1"';
    return this.rig.startProgram('nsenter', [...enter, '/bin/bash', '-c', script, this.rig.folder, text], options);
  }

  /** Runs a bash text to its end. */
  shell(text: string, options: RigOptions = {}): Promise<Ended> {
    return this.start(text, options).ended;
  }

  /** Runs the program to its end. Its arguments need no quoting. */
  flowctl(...argv: readonly string[]): Promise<Ended> {
    return this.shell(`exec "$NODE" "$BIN" ${argv.join(' ')}`);
  }

  /** Mounts the small disk anew, such as `size=10m` or `ro`. */
  async remount(options: string): Promise<void> {
    const { code, stderr } = await this.shell(`mount -o remount,${options} .flowctl`);
    if (code !== 0) throw new Error(stderr);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.holder.once('exit', resolve));
    this.holder.stdin?.end();
    await ended;
  }
}
