/** References to what stands outside of steps and params: secrets, and the project's `vars`. */

import { suggest } from '../diagnostics/suggest.ts';
import type { FlowOutline } from './outline.ts';
import type { Part, Problems } from './problems.ts';
import { secretNames } from './secret-sources.ts';

/** Checks references to secrets and vars. */
export class ProjectReferences {
  readonly #secrets: readonly string[] | null;
  readonly #vars: readonly string[] | null;
  readonly #config: string | null;
  readonly #problems: Problems;

  constructor(flow: FlowOutline, problems: Problems) {
    this.#secrets = secretNames(flow);
    this.#vars = flow.project.vars === null ? null : Object.keys(flow.project.vars);
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
    else if (this.#secrets !== null && !this.#secrets.includes(name)) {
      const known = this.#secrets;
      this.#problems.within('unknown_secret', part, { name, known, suggestion: suggest(name, known) });
    }
  }

  /** `vars.name`. */
  variable([name]: readonly string[], part: Part): void {
    const known = this.#vars;
    if (name === undefined || known === null || known.includes(name)) return;
    const facts = { name, known, suggestion: suggest(name, known), config: this.#config };
    this.#problems.within('unknown_var', part, facts);
  }
}
