/**
 * The secrets of a run: read when a life of it begins, kept in memory alone, handed to the attempts that name them and hidden from
 * everybody else. This room must not know runs, journals or processes; whoever performs an attempt asks it for the values.
 * From here go to `sources` (where values are read), `mask` and `encodings` (how they are hidden), and `runners/with-secrets` (who
 * gives them to a step).
 */

import type { Result } from '../base/result.ts';
import { replaceMarks } from '../base/secret-mark.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { SecretDefinition } from '../model/policies.ts';
import { Mask } from './mask.ts';
import { SecretValue } from './secret-value.ts';
import { type ReadSecret, readSecret, type SecretPlace } from './sources.ts';

/** What of a flow says which secrets there are. */
export type SecretiveFlow = Pick<FlowDefinition, 'file' | 'directory' | 'secrets'>;

/** A secret that cannot be had. */
export interface MissingSecret {
  readonly name: string;
  /** A sentence that names the place where it was looked for. */
  readonly reason: string;
}

/** An environment; undefined members do not exist. */
type Environment = SecretPlace['environment'];

/** The value of an output that holds a secret of fewer characters is no accident worth a failure. */
const FEWEST_IN_OUTPUTS = 8;

/** Every secret of a run and of its sub-flows. */
export class RunSecrets {
  readonly #secrets: readonly Secret[];
  readonly #masks = new Map<string, Mask>();
  /** Hides all of them. */
  readonly mask: Mask;

  constructor(secrets: readonly Secret[]) {
    this.#secrets = secrets;
    this.mask = new Mask([...new Set(secrets.flatMap(({ value }) => value?.reveal() ?? []))]);
  }

  /** True for a run whose flows name none. */
  get isEmpty(): boolean {
    return this.#secrets.length === 0;
  }

  /** An environment without the variables of secrets: what expressions may see. */
  visible<T extends Environment>(environment: T): T {
    return withoutSecrets(environment, this.#secrets);
  }

  /**
   * All of them with their values, for another process of flowctl that is to live the run: by a pipe, and nowhere else.
   * `takenOver` reads it.
   */
  handOver(): readonly HandedSecret[] {
    return this.#secrets.map(({ file, definition, value }) => ({ file, definition, value: value?.reveal() ?? null }));
  }

  /** The secrets as a flow names them. @param file absolute, the flow's. */
  of(file: string): FlowSecrets {
    const own = this.#secrets.filter((secret) => secret.file === file);
    const find = (name: string): SecretValue | null =>
      // What was handed to a sub-flow in its params is named by the flow that handed it over.
      [...own, ...this.#secrets].find((secret) => secret.definition.name === name)?.value ?? null;
    return {
      mask: this.mask,
      find,
      reveal: (text) => replaceMarks(text, (name) => find(name)?.reveal() ?? ''),
      withheld: (named) => {
        const names = new Set(named);
        const kept = variablesOf(own.filter(({ definition }) => names.has(definition.name)));
        return new Set([...variablesOf(this.#secrets)].filter((variable) => !kept.has(variable)));
      },
      exposedBy: (text) => this.#exposedBy(text),
    };
  }

  #exposedBy(text: string): string | null {
    if (!this.mask.findsIn(text)) return null;
    for (const { definition, value } of this.#secrets) {
      const revealed = value?.reveal() ?? '';
      if ([...revealed].length < FEWEST_IN_OUTPUTS) continue;
      const mask = this.#masks.get(revealed) ?? new Mask([revealed]);
      this.#masks.set(revealed, mask);
      if (mask.findsIn(text)) return definition.name;
    }
    return null;
  }
}

/** A secret of a flow. */
export interface Secret {
  /** The flow's, absolute. */
  readonly file: string;
  readonly definition: SecretDefinition;
  /** Null where it cannot be had. */
  readonly value: SecretValue | null;
}

/** A secret on its way to another process of flowctl. */
export interface HandedSecret extends Omit<Secret, 'value'> {
  readonly value: string | null;
}

/** The secrets that another process read and handed over. */
export const takenOver = (handed: readonly HandedSecret[]): RunSecrets =>
  new RunSecrets(handed.map((each) => ({ ...each, value: each.value === null ? null : new SecretValue(each.value) })));

/** The secrets of a run as one of its flows sees them. */
export interface FlowSecrets {
  /** Hides every secret of the run. */
  readonly mask: Mask;
  /** A secret by its name; null when there is none, or it cannot be had. */
  find(name: string): SecretValue | null;
  /** A text with values in the place of marks. */
  reveal(text: string): string;
  /** The variables that a step must not inherit. @param named the secrets that the step names. */
  withheld(named: Iterable<string>): ReadonlySet<string>;
  /** The name of a secret of 8 characters or more that a text holds in any form; null when it holds none. */
  exposedBy(text: string): string | null;
}

/** The variables in which secrets may have been inherited. */
const variablesOf = (secrets: readonly Pick<Secret, 'definition'>[]): ReadonlySet<string> =>
  new Set(
    secrets.flatMap(({ definition: { name, source } }) => (source.kind === 'env' ? [name, source.variable] : [name])),
  );

function withoutSecrets<T extends Environment>(environment: T, secrets: readonly Pick<Secret, 'definition'>[]): T {
  const hidden = variablesOf(secrets);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !hidden.has(name))) as T;
}

/** What expressions may see before the secrets of flows are read: their environment without the variables of secrets. */
export const visibleTo = <T extends Environment>(flows: readonly SecretiveFlow[], environment: T): T =>
  withoutSecrets(
    environment,
    flows.flatMap(({ secrets }) => secrets.map((definition) => ({ definition }))),
  );

/** No secrets: what a run has whose flow names none. */
export const NO_SECRETS = new RunSecrets([]);

/** What became of reading secrets. */
export interface SecretReading {
  readonly secrets: RunSecrets;
  /** Those that cannot be had, in the order of the flows. */
  readonly missing: readonly MissingSecret[];
  /** What is unwise about where values were found. */
  readonly warnings: readonly string[];
}

/**
 * Reads every secret of some flows, all at once; what is read from the same place is read once.
 * @param environmentOf the environment of a flow, its dotenv files included.
 * @param givenUp aborted when nobody wants them any more. Default: never.
 */
export async function readSecrets(
  flows: readonly SecretiveFlow[],
  environmentOf: (flow: SecretiveFlow) => Environment,
  givenUp?: AbortSignal,
): Promise<SecretReading> {
  const reading = new Map<string, Promise<Result<ReadSecret, string>>>();
  const read = (definition: SecretDefinition, place: SecretPlace): Promise<Result<ReadSecret, string>> => {
    const { source } = definition;
    const value = source.kind === 'env' ? (place.environment[source.variable] ?? null) : null;
    const key = JSON.stringify([source, value, source.kind === 'command' ? place.directory : null]);
    const known = reading.get(key) ?? readSecret(definition, place);
    reading.set(key, known);
    return known;
  };
  const all = flows.flatMap((flow) => {
    const place = { environment: environmentOf(flow), directory: flow.directory, givenUp };
    return flow.secrets.map((definition) => ({ file: flow.file, definition, answer: read(definition, place) }));
  });
  const secrets: Secret[] = [];
  const missing = new Map<string, MissingSecret>();
  const warnings = new Set<string>();
  for (const { file, definition, answer } of all) {
    const { name } = definition;
    const secret = await answer;
    secrets.push({ file, definition, value: secret.ok ? new SecretValue(secret.value.value) : null });
    if (!secret.ok) missing.set(`${name}: ${secret.error}`, { name, reason: secret.error });
    else if (secret.value.warning !== null) warnings.add(secret.value.warning);
  }
  return { secrets: new RunSecrets(secrets), missing: [...missing.values()], warnings: [...warnings] };
}
