/** References to what stands outside of steps and params: secrets, and the project's `vars`. */

import { suggest } from '../diagnostics/suggest.ts';
import type { FlowOutline } from './outline.ts';
import type { Part, Problems } from './problems.ts';
import { secretNames } from './secret-sources.ts';

/** Checks references to secrets and vars. */
export class ProjectReferences {
  readonly #secrets: ReadonlySet<string> | null;
  readonly #vars: ReadonlySet<string> | null;
  readonly #config: string | null;
  readonly #problems: Problems;

  constructor(flow: FlowOutline, problems: Problems) {
    const secrets = secretNames(flow);
    this.#secrets = secrets === null ? null : new Set(secrets);
    this.#vars =
      flow.project.vars === null
        ? null
        : new Set([...Object.keys(flow.project.vars), ...(flow.project.kept_vars ?? [])]);
    this.#config = flow.project.shownAs;
    this.#problems = problems;
  }

  /** `secrets.NAME`. @param refusedIn the place in words, where secrets are refused; else null. */
  secret([name]: readonly string[], part: Part, refusedIn: string | null): void {
    if (refusedIn !== null) {
      this.#problems.within('secret_not_allowed', part, { name: name ?? null, where: refusedIn });
      return;
    }
    if (name === undefined) this.#problems.within('dynamic_secret', part, {});
    else if (this.#secrets?.has(name) === false) {
      this.#problems.within('unknown_secret', part, { name, ...this.#near(name, this.#secrets) });
    }
  }

  /** `vars.name`. */
  variable([name]: readonly string[], part: Part): void {
    if (name === undefined || this.#vars?.has(name) !== false) return;
    this.#problems.within('unknown_var', part, { name, ...this.#near(name, this.#vars), config: this.#config });
  }

  /** The names there are, and the one that was probably meant; nothing when that would not be shown. */
  #near(name: string, names: ReadonlySet<string>): { known: string[]; suggestion: string | null } {
    const known = this.#problems.hasRoom ? [...names] : [];
    return { known, suggestion: suggest(name, known) };
  }
}
