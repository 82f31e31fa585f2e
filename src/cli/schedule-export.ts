/** The lines by which cron or systemd keep looking at the schedules of a project (crontab(5), systemd.service(5)). */

import { dirname } from 'node:path';
import type { StateLayout } from '../store/layout.ts';

/** Who looks. */
export const EXPORT_TARGETS = ['crontab', 'systemd'] as const;

/** How this program is called, whatever PATH says. */
export interface ThisProgram {
  /** Absolute: the node that runs it. */
  readonly node: string;
  /** Absolute: its file. */
  readonly file: string;
  /** What PATH is, for the steps. */
  readonly path: string;
}

/** For /bin/sh, in a crontab: there a `%` that is not written `\%` ends the command. */
const inCrontab = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`.replaceAll('%', '\\%');

/** An argument of a unit: quoted, and nothing in it is a specifier or a variable. */
const inUnit = (text: string): string => {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return `"${escaped}"`;
};

/** A value of a unit that is a path: nothing but specifiers is special there. */
const pathInUnit = (text: string): string => text.replaceAll('%', '%%');

/** The text to give to cron or systemd. */
export function exportText(target: (typeof EXPORT_TARGETS)[number], state: StateLayout, program: ThisProgram): string {
  const project = dirname(state.root);
  if (target === 'crontab') {
    const command = [program.node, program.file, 'tick', '-q', '--state-dir', state.root];
    return [
      `# crontab -e: once a minute, what is due in ${project} is started`,
      `PATH=${program.path}`,
      `* * * * * ${command.map(inCrontab).join(' ')}`,
      '',
    ].join('\n');
  }
  const command = [program.node, program.file, 'serve', '--state-dir', state.root];
  return [
    '# /etc/systemd/system/flowctl.service, then: systemctl daemon-reload && systemctl enable --now flowctl',
    '[Unit]',
    `Description=flowctl schedules of ${pathInUnit(project)}`,
    '',
    '[Service]',
    `WorkingDirectory=${pathInUnit(project)}`,
    `Environment=${inUnit(`PATH=${program.path}`)}`,
    `ExecStart=${command.map(inUnit).join(' ')}`,
    'Restart=always',
    'RestartSec=2',
    '# The runs that it starts are processes of their own, and go on.',
    'KillMode=process',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}
