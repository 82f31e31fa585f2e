/** Every command by its name. A command is a file of `commands/`, which is loaded when it is called and not before. */

import type { Command } from 'commander';

/** A file of `commands/`. */
export interface CommandModule {
  /** Adds the command, with its options and its help. */
  define(program: Command): void;
}

/** The commands in the order of the help. */
export const COMMANDS: readonly { readonly name: string; load(): Promise<CommandModule> }[] = [
  { name: 'run', load: () => import('./commands/run.ts') },
  { name: 'resume', load: () => import('./commands/resume.ts') },
  { name: 'rerun', load: () => import('./commands/rerun.ts') },
  { name: 'cancel', load: () => import('./commands/cancel.ts') },
  { name: 'approve', load: () => import('./commands/approve.ts') },
  { name: 'validate', load: () => import('./commands/validate.ts') },
  { name: 'graph', load: () => import('./commands/graph.ts') },
  { name: 'runs', load: () => import('./commands/runs.ts') },
  { name: 'show', load: () => import('./commands/show.ts') },
  { name: 'logs', load: () => import('./commands/logs.ts') },
  { name: 'artifact', load: () => import('./commands/artifact.ts') },
  { name: 'cache', load: () => import('./commands/cache.ts') },
  { name: 'delete', load: () => import('./commands/delete.ts') },
  { name: 'prune', load: () => import('./commands/prune.ts') },
  { name: 'deploy', load: () => import('./commands/deploy.ts') },
  { name: 'deployments', load: () => import('./commands/deployments.ts') },
  { name: 'pause', load: () => import('./commands/pause.ts') },
  { name: 'unpause', load: () => import('./commands/unpause.ts') },
  { name: 'undeploy', load: () => import('./commands/undeploy.ts') },
  { name: 'backfill', load: () => import('./commands/backfill.ts') },
  { name: 'serve', load: () => import('./commands/serve.ts') },
  { name: 'tick', load: () => import('./commands/tick.ts') },
  { name: 'schedule', load: () => import('./commands/schedule.ts') },
  { name: 'vars', load: () => import('./commands/vars.ts') },
  { name: 'doctor', load: () => import('./commands/doctor.ts') },
  { name: 'init', load: () => import('./commands/init.ts') },
  { name: 'schema', load: () => import('./commands/schema.ts') },
  { name: 'completion', load: () => import('./commands/completion.ts') },
  { name: 'help', load: () => import('./commands/help.ts') },
];
