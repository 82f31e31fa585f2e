/** What the machine has to have, and what should be known about where the state lies. */

import { existsSync, linkSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemProgram } from '../../process/programs.ts';
import { type Finding, finding } from '../../store/checkup/finding.ts';
import { flockProgram } from '../../store/flock-program.ts';
import type { StateLayout } from '../../store/layout.ts';
import { networkNameOf, networkWarning } from '../../store/network-file-system.ts';

const LEAST_BYTES = 64 * 1_048_576;
const LEAST_FILES = 1_000;
/** Clocks of machines differ by less. */
const ALLOWANCE_MS = 3_600_000;
const OLDEST_NOW_MS = Date.UTC(2024, 0, 1);

/**
 * Looks at the machine.
 * @param newest the newest instant of any run, milliseconds since the epoch; null without one.
 */
export function checkEnvironment(state: StateLayout, now: number, newest: number | null): readonly Finding[] {
  return [...checkPrograms(), ...checkPlace(state), ...checkClock(now, newest)];
}

function checkPrograms(): readonly Finding[] {
  const found: Finding[] = [];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    found.push(
      finding('warning', 'old_node', `Node ${process.versions.node} is too old: flowctl needs 20.19 or later`),
    );
  }
  const missing = (name: string, why: string, help: string): void => {
    found.push(finding('warning', 'no_program', `there is no \`${name}\`: ${why}`, { help }));
  };
  if (flockProgram() === null) missing('flock', 'no run can be owned', 'install util-linux');
  if (systemProgram('sh') === null) missing('sh', 'no command can be started', 'install a POSIX shell');
  if (systemProgram('setsid') === null) missing('setsid', '`run --detach` does not work', 'install util-linux');
  if (systemProgram('mkfifo') === null)
    missing('mkfifo', 'logs in which secrets are hidden cannot be written', 'install coreutils');
  if (!existsSync('/proc/self/stat')) {
    const message = 'there is no /proc: processes that left the group of their step are not found';
    found.push(finding('warning', 'no_proc', message, { help: 'mount it; in a container, do not hide it' }));
  }
  return found;
}

function checkPlace({ root }: StateLayout): readonly Finding[] {
  let place = root;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const found: Finding[] = [];
  const { type, bavail, bsize, files, ffree } = statfsSync(place);
  const network = networkNameOf(type);
  if (network !== null) {
    found.push(
      finding('warning', 'network', networkWarning(network), {
        file: root,
        help: 'put the state on a local disk: --state-dir',
      }),
    );
  }
  if (bavail * bsize < LEAST_BYTES) {
    const message = `there is hardly any room: ${Math.floor((bavail * bsize) / 1_048_576)} MiB`;
    found.push(
      finding('warning', 'disk_full', message, {
        file: root,
        help: 'flowctl prune --older-than 7d; flowctl cache prune',
      }),
    );
  } else if (files > 0 && ffree < LEAST_FILES) {
    const message = `there is hardly any room for more files: ${ffree}`;
    found.push(finding('warning', 'disk_full', message, { file: root, help: 'flowctl prune --older-than 7d' }));
  }
  return found;
}

function checkClock(now: number, newest: number | null): readonly Finding[] {
  const at = new Date(now).toISOString();
  if (now < OLDEST_NOW_MS) return [finding('warning', 'clock', `the clock of this machine says ${at}`)];
  if (newest === null || newest <= now + ALLOWANCE_MS) return [];
  const message = `the clock of this machine says ${at}, and a run was recorded at ${new Date(newest).toISOString()}`;
  const help = 'set the clock; runs are listed in the order of their ids, which it minted';
  return [finding('warning', 'clock', message, { help })];
}

/** Tries what the book of tickets needs, in a folder that may be written to. @returns what does not work. */
export function checkLinks({ root }: StateLayout): readonly Finding[] {
  const one = join(root, `.doctor.${'0'.repeat(10)}${process.pid.toString(16).padStart(6, '0')}.tmp`);
  const other = one.replace('.doctor.', '.linked.');
  try {
    writeFileSync(one, '', { flag: 'wx', mode: 0o600 });
    linkSync(one, other);
    return [];
  } catch (error) {
    const message = `no hard link can be made there (${(error as NodeJS.ErrnoException).code}): limits across runs do not work`;
    return [
      finding('warning', 'no_links', message, {
        file: root,
        help: 'put the state on another file system: --state-dir',
      }),
    ];
  } finally {
    for (const path of [other, one]) {
      try {
        unlinkSync(path);
      } catch {
        // It was not made.
      }
    }
  }
}
