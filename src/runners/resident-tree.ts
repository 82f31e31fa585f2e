/** How the commands of a tree of runs are started. Its resident shells serve all runs of it that have the environment of the root. */

import { launcherFor, residentShellsFor } from '../process/choose-launcher.ts';
import type { Launcher } from '../process/launcher.ts';
import { heritageOf, type InheritedEnvironment } from './environment.ts';
import type { ResidentOptions } from './resident-command.ts';
import { SpareFiles } from './spare-files.ts';

/** Of one life of a tree. */
export class ResidentTree {
  readonly #environment: InheritedEnvironment;
  readonly #shells: ResidentOptions['shells'] | null;
  readonly #spares: SpareFiles[] = [];

  constructor(environment: InheritedEnvironment) {
    this.#environment = environment;
    this.#shells = residentShellsFor(environment, heritageOf(environment));
  }

  /** What the steps of one run are started with. */
  forRun(environment: InheritedEnvironment): {
    readonly launcher: Launcher;
    readonly resident: ResidentOptions | null;
  } {
    const launcher = launcherFor(environment, this.#shells !== null);
    if (this.#shells === null || environment !== this.#environment) return { launcher, resident: null };
    const spares = new SpareFiles();
    this.#spares.push(spares);
    return { launcher, resident: { shells: this.#shells, spares } };
  }

  /** Removes what is left, and waits until the shells are gone. Nothing may run any more. */
  async close(): Promise<void> {
    for (const spares of this.#spares) spares.clear();
    await this.#shells?.close();
  }
}
