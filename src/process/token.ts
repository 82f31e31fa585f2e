/**
 * The mark by which every process of an attempt is found again, whatever group or session it moved to: an environment variable,
 * `FLOWCTL_TOKEN=<run>/<step>/<attempt>;`, which children inherit. A flowctl inside a step puts its own element behind the
 * inherited ones, so that the outer run finds the steps of the inner one too. A process that clears or overwrites its
 * environment is not found.
 */

import { parseRunId, recordedStepKey, type RunId, type StepKey } from '../base/ids.ts';

/** The environment variable that carries the token. */
export const TOKEN_VARIABLE = 'FLOWCTL_TOKEN';

/** What a search is for: every attempt of a run, or one attempt. */
export type TokenPattern =
  | { readonly kind: 'run'; readonly run: RunId }
  | { readonly kind: 'attempt'; readonly run: RunId; readonly step: StepKey; readonly attempt: number };

/**
 * The value for a process of an attempt.
 * @param inherited the value that flowctl itself was started with; empty outside any run.
 */
export function tokenOf(inherited: string, run: RunId, step: StepKey, attempt: number): string {
  // Anything that does not look like a chain is not ours and would blur the borders of its elements.
  const chain = /^(?:[^;]+;)*$/.test(inherited) ? inherited : '';
  return `${chain}${run}/${encodeStep(step)}/${attempt};`;
}

// Keys of map items are chosen by users; `;` ends an element. Percent-encoded by byte (RFC 3986), lone surrogates included.
const encodeStep = (step: string): string =>
  step.replace(/[^\w.\-[\]/]/gu, (character) => Buffer.from(character).toString('hex').replace(/../g, '%$&'));

/** The steps that a process is inside of, the outermost first; what is none of ours is left out. */
export function stepsOf(token: string): readonly { readonly run: RunId; readonly step: StepKey }[] {
  return token.split(';').flatMap((element) => {
    const [, id = '', encoded = ''] = /^([^/]+)\/(.+)\/\d+$/.exec(element) ?? [];
    const run = parseRunId(id);
    try {
      return run === null ? [] : [{ run, step: recordedStepKey(decodeURIComponent(encoded)) }];
    } catch {
      return [];
    }
  });
}

/** True when a token's value has an element of the pattern: whole elements only, `r1/a/1` is not `r1/a/10`. */
export function tokenMatches(token: string, pattern: TokenPattern): boolean {
  const elements = token.split(';');
  switch (pattern.kind) {
    case 'run':
      return elements.some((element) => element.startsWith(`${pattern.run}/`));
    case 'attempt': {
      const wanted = `${pattern.run}/${encodeStep(pattern.step)}/${pattern.attempt}`;
      return elements.includes(wanted);
    }
  }
}

const NAME = Buffer.from(`${TOKEN_VARIABLE}=`);

/** Finds the token in an environment as /proc/PID/environ gives it, `NAME=value` ended by NUL bytes; null when there is none. */
export function tokenInEnvironment(environment: Buffer): string | null {
  for (let at = environment.indexOf(NAME); at !== -1; at = environment.indexOf(NAME, at + 1)) {
    if (at !== 0 && environment[at - 1] !== 0) continue;
    const end = environment.indexOf(0, at);
    return environment.toString('latin1', at + NAME.length, end === -1 ? environment.length : end);
  }
  return null;
}
