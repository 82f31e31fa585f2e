/** The secrets that requests are signed with: read when the first request comes, and again after a while, for they are exchanged. */

import type { Deployment } from '../model/deployment.ts';
import { readKeptFlow } from '../store/deployed-flows.ts';
import type { StateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { environmentOfRun } from './dotenv.ts';
import { secretsOf } from './secrets.ts';
import type { Session } from './session.ts';

/** So long a value is kept. One that is asked for all the time may come from a command. */
const KEPT_MS = 60_000;
/** One that could not be had is not asked for again at once: anybody can send requests. */
const RETRY_MS = 5_000;

/** Those of one process. */
export class HookSecrets {
  readonly #session: Session;
  readonly #state: StateLayout;
  readonly #known = new Map<string, { readonly until: number; readonly value: Promise<string | null> }>();

  constructor(session: Session, state: StateLayout) {
    this.#session = session;
    this.#state = state;
  }

  /** The value of a secret of the version that runs; null where it cannot be had, which is said. */
  async value(deployment: Deployment, name: string): Promise<string | null> {
    const key = `${deployment.name}@${deployment.version} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.until > Date.now()) return known.value;
    const value = this.#read(deployment, name).catch((error: unknown) => {
      this.#session.complain(`${deployment.name}: the secret \`${name}\`: ${String(error)}`);
      return null;
    });
    this.#known.set(key, { until: Date.now() + KEPT_MS, value });
    if ((await value) === null) this.#known.set(key, { until: Date.now() + RETRY_MS, value });
    return value;
  }

  async #read({ name: deployment, version, versions }: Deployment, name: string): Promise<string | null> {
    const hash = versions.find((each) => each.version === version)?.hash;
    if (hash === undefined) return null;
    const { definition } = unwrap(await readKeptFlow(this.#state, hash));
    const secrets = definition.secrets.filter((each) => each.name === name);
    const alone = { ...definition, secrets, flows: {} };
    const environment = environmentOfRun(this.#session, alone);
    if (!environment.ok) throw new Error(environment.error);
    const reading = await secretsOf(this.#session, alone, environment.value);
    for (const { reason } of reading.missing)
      this.#session.complain(`${deployment}: the secret \`${name}\`: ${reason}`, 'its webhooks are refused until then');
    return reading.secrets.of(definition.file).find(name)?.reveal() ?? null;
  }
}
