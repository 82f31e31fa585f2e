/**
 * What this machine lets a test do. Each is really tried, once, when it is first asked for; a test that needs one says so with
 * `it.skipIf(!canTrace())`, and is seen as skipped where it is missing.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { residentShells } from '../../src/process/resident-shells.ts';

/** Asks once. */
function once(question: () => boolean): () => boolean {
  let answer: boolean | undefined;
  return () => {
    answer ??= question();
    return answer;
  };
}

const succeeds = (program: string, ...argv: readonly string[]): boolean =>
  spawnSync(program, argv, { stdio: 'ignore' }).status === 0;

/** We are root. */
export const isRoot = once(() => process.getuid?.() === 0);

/** strace is there, may trace, and can make system calls fail or deadly (`-e inject`). */
export const canTrace = once(() => {
  const argv = ['-f', '-b', 'execve', '-o', '/dev/null', '-e', 'inject=getppid:signal=KILL:when=9', 'true'];
  return succeeds('strace', ...argv);
});

/** A user, mount and pid namespace of one's own, in which file systems can be mounted. */
export const canUnshare = once(() =>
  succeeds('unshare', '-Urmpf', '--mount-proc', 'sh', '-c', 'mount -t tmpfs none /mnt && umount /mnt'),
);

/** The starter is there: a Perl, and a /proc of one's own. */
export const canStart = once(() => {
  try {
    return succeeds('perl', '-e', '1') && readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
});

/** File systems that a power cut can be tried on. */
export type DiskKind = 'ext4' | 'xfs';

/** How large an image of each is; the file that holds it is sparse. */
export const IMAGE_MEGABYTES: { readonly [kind in DiskKind]: number } = { ext4: 200, xfs: 300 };

function canMount(kind: DiskKind): boolean {
  if (!isRoot()) return false;
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-ability-'));
  const image = join(folder, 'image');
  try {
    return (
      succeeds('truncate', '-s', `${IMAGE_MEGABYTES[kind]}M`, image) &&
      succeeds(`mkfs.${kind}`, '-q', image) &&
      succeeds('mount', '-o', 'loop', image, folder) &&
      succeeds('umount', folder) &&
      succeeds('perl', '-e', '1')
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const mountable = { ext4: once(() => canMount('ext4')), xfs: once(() => canMount('xfs')) };

/** A file can be mounted as such a file system, from which the power can be cut. */
export const canCutPower = (kind: DiskKind): boolean => mountable[kind]();

const FIT =
  'import sys; print(sys.executable if sys.implementation.name == "cpython" and (3, 8) <= sys.version_info < (3, 14) else "")';

/**
 * The Python that PATH comes to, behind whatever stands in front of it, and those that FLOWCTL_TEST_PYTHONS lists with `:` between them, as far as
 * they can be kept warm. Empty where there are none, and without /proc.
 */
export function pythons(): readonly string[] {
  const listed = (process.env['FLOWCTL_TEST_PYTHONS'] ?? '').split(':').filter((file) => file !== '');
  if (!existsSync('/proc/self/mem')) return [];
  return ['python3', ...listed].flatMap((file) => {
    const { status, stdout } = spawnSync(file, ['-c', FIT], { encoding: 'utf8' });
    const found = status === 0 ? stdout.trim() : '';
    return found === '' ? [] : [found];
  });
}

/** True where shells can stay: the system's `sh` is dash, Perl makes it a subreaper, and /proc lists the children of a process. */
export const canStay = (): boolean => residentShells({ PATH: '/usr/bin:/bin' }, 0) !== null;
