/** Messages of automations: evaluated, and kept for their receivers like those of handlers that did not arrive. */

import { dirname } from 'node:path';
import type { Happening } from '../automations/happenings.ts';
import { parseRunId, recordedStepKey, type RunId } from '../base/ids.ts';
import { isJsonObject, mapTexts } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import { markedSecrets, secretMark } from '../base/secret-mark.ts';
import { evaluateDeep } from '../expressions/expressions.ts';
import type { NotifyAction } from '../model/action.ts';
import { MESSAGE_FORMAT } from '../model/message.ts';
import { hostsNamedIn } from '../runners/named-hosts.ts';
import { keepMessage } from '../store/outbox.ts';
import type { StateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { visibleTo } from '../secrets/run-secrets.ts';
import type { Project } from './project.ts';
import type { Session } from './session.ts';

/** What is to be told. */
export interface AutomationMessage {
  readonly message: NotifyAction;
  readonly about: Happening;
  readonly automation: string;
  /** The same when the same message is sent again. */
  readonly key: string;
}

/** In the place of the run of a message that is about none. */
const NO_RUN: RunId = (() => {
  const id = parseRunId('0'.repeat(26));
  if (id === null) throw new Bug('zeros are a run id');
  return id;
})();

/** Keeps a message; whoever delivers messages sends it. @throws where an expression has no value, or nothing can be written. */
export async function sendAutomationMessage(
  session: Session,
  state: StateLayout,
  { config, layer }: Project,
  { message, about, automation, key }: AutomationMessage,
): Promise<void> {
  const file = config.file ?? '';
  const directory = dirname(file);
  const declared = layer.secrets ?? [];
  const definitions = declared.map(({ name, source }) => ({ name, source }));
  const environment = visibleTo([{ file, directory, secrets: definitions }], session.environment);
  const scope = {
    event: { kind: 'automation', at: about.at, automation, ...about.facts },
    vars: layer.vars ?? {},
    env: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    secrets: Object.fromEntries(declared.map(({ name }) => [name, secretMark(name)])),
  };
  const evaluated = evaluateDeep({ options: message.options, text: message.text }, scope);
  if (!evaluated.ok) throw new Error(`\`${evaluated.error.path}\`: ${evaluated.error.message}`);
  const { options = null, text = null } = isJsonObject(evaluated.value) ? evaluated.value : {};
  const named = new Set<string>();
  mapTexts([options, text], (each) => {
    for (const name of markedSecrets(each)) named.add(name);
    return each;
  });
  const dotenv = [...layer.dotenv.before, ...layer.dotenv.after];
  const { private_hosts: hosts } = config;
  // What the config names is named by whoever wrote it; what an expression makes of an event is not.
  const allowed = hosts === 'all' ? hosts : [...hosts, ...hostsNamedIn(message.options)];
  const now = new Date().toISOString();
  unwrap(
    await keepMessage(state, {
      format: MESSAGE_FORMAT,
      ...{ run: about.run ?? NO_RUN, flow: about.flow ?? about.deployment ?? '', file },
      step: recordedStepKey(`automation ${automation}`),
      channel: message.channel,
      options: isJsonObject(options) ? options : {},
      text: text === null ? `${automation}: ${about.what}` : typeof text === 'string' ? text : JSON.stringify(text),
      news: { state: about.state, failed: [] },
      idempotency_key: key,
      secrets: definitions
        .filter(({ name }) => named.has(name))
        .map((definition) => ({ file, directory, dotenv, definition })),
      private_hosts: allowed,
      ...{ log: null, created_at: now, tries: 0, last: null, next_at: now, given_up_at: null },
    }),
  );
}
