/**
 * A small file system of its own, in a file, from which the power can be cut: the kernel's ioctl for that (FS_IOC_SHUTDOWN, of the xfs
 * tests) with the flag that flushes nothing, not even the log, then an unmount and a mount, as after a restart. Needs root.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskKind, IMAGE_MEGABYTES } from '../kit/abilities.ts';

const SHUTDOWN =
  'open(my $disk, "<", $ARGV[0]) or die $!; my $flag = pack("L", 2); ioctl($disk, 0x8004587d, $flag) or die $!;';

function must(program: string, ...argv: readonly string[]): void {
  const { status, stderr } = spawnSync(program, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${stderr}`);
}

/** A torture that is given up leaves no mounts behind. */
const mounted = new Set<string>();
process.on('exit', () => {
  for (const path of mounted) spawnSync('umount', ['-l', path]);
});

/** A mounted image. */
export class Disk {
  readonly kind: DiskKind;
  /** Where it is mounted. */
  readonly path: string;
  private readonly image: string;

  /** Makes an image in a folder, and mounts it there. @throws when the machine does not let us. */
  constructor(kind: DiskKind, folder: string) {
    this.kind = kind;
    this.image = join(folder, 'disk-image');
    this.path = join(folder, 'disk');
    mkdirSync(this.path);
    must('truncate', '-s', `${IMAGE_MEGABYTES[kind]}M`, this.image);
    must(`mkfs.${kind}`, '-q', this.image);
    this.mount();
  }

  /** From here on nothing reaches the disk any more, and what had not reached it is lost. */
  cut(): void {
    must('perl', '-e', SHUTDOWN, this.path);
  }

  /** As after a restart. Nothing may live that has a file of it open. */
  async restart(): Promise<void> {
    await this.unmount();
    this.mount();
  }

  /** Takes it away. */
  async remove(): Promise<void> {
    await this.unmount();
    rmSync(this.image, { force: true });
  }

  private mount(): void {
    must('mount', '-o', 'loop', this.image, this.path);
    mounted.add(this.path);
  }

  private async unmount(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const { status, stderr } = spawnSync('umount', [this.path], { encoding: 'utf8' });
      const isGone = status === 0 || /not mounted/.test(stderr);
      if (isGone) mounted.delete(this.path);
      if (isGone && !this.isHeld()) return;
      if (tries === MOST_TRIES) throw new Error(`${this.path} stays busy: ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A mount namespace that somebody made meanwhile has a mount of its own, and with it the file system as it was before. */
  private isHeld(): boolean {
    return spawnSync('losetup', ['-j', this.image], { encoding: 'utf8' }).stdout !== '';
  }
}

const MOST_TRIES = 400;
