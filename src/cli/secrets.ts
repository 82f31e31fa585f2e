/** The secrets of a run, read before a life of it begins. */

import { counted } from '../diagnostics/phrase.ts';
import type { Environment } from '../compose.ts';
import type { FlowDefinition, Handlers, StepDefinition } from '../model/flow.ts';
import { readSecrets, type RunSecrets, type SecretReading } from '../secrets/run-secrets.ts';
import { environmentOfRun } from './dotenv.ts';
import { EXIT } from './exit-codes.ts';
import { hideInMessages, type Session } from './session.ts';

/** A flow and all that its sub-flow steps refer to. */
export const flowsOf = (definition: FlowDefinition): readonly FlowDefinition[] => [
  definition,
  ...Object.values(definition.flows).filter(({ file }) => file !== definition.file),
];

/** True when something may still run after a run was cancelled. */
export const hasHandlers = (definition: FlowDefinition): boolean =>
  flowsOf(definition).some(({ handlers, steps }) => [handlers, ...handlersIn(steps)].some(isHandled));

const isHandled = (handlers: Handlers): boolean => Object.values(handlers).some((steps) => steps.length > 0);

const handlersIn = (steps: readonly StepDefinition[]): readonly Handlers[] =>
  steps.flatMap(({ handlers, action }) => [handlers, ...(action.kind === 'group' ? handlersIn(action.steps) : [])]);

/**
 * Reads the secrets of a flow and of its sub-flows, wherever each of them says; from now on no message shows one.
 * @param environment the flow's own.
 * @param givenUp aborted when nobody wants them any more. Default: never.
 */
export async function secretsOf(
  session: Session,
  definition: FlowDefinition,
  environment: Environment,
  givenUp?: AbortSignal,
): Promise<SecretReading> {
  const flows = flowsOf(definition);
  const environmentOf = ({ file }: Pick<FlowDefinition, 'file'>): Environment => {
    const flow = flows.find((each) => each.file === file);
    if (flow === undefined || flow === definition) return environment;
    // A sub-flow whose file of variables cannot be read says so when it is to be started.
    const own = environmentOfRun(session, flow);
    return own.ok ? own.value : environment;
  };
  const reading = await readSecrets(flows, environmentOf, givenUp);
  hideInMessages((text) => reading.secrets.mask.text(text));
  return reading;
}

/** As `secretsOf`. @returns null when one cannot be had: all are said, and the exit code is set (2). */
export async function secretsOrComplain(
  session: Session,
  definition: FlowDefinition,
  environment: Environment,
  givenUp?: AbortSignal,
): Promise<RunSecrets | null> {
  const { secrets, missing, warnings } = await secretsOf(session, definition, environment, givenUp);
  for (const warning of warnings) session.mention(`warning: ${warning}`);
  if (missing.length === 0) return secrets;
  const [first, ...others] = missing.map(({ name, reason }) => `the secret \`${name}\`: ${reason}`);
  const lines =
    others.length === 0 ? first : [`${counted(missing.length, 'secret')} cannot be had`, first, ...others].join('\n  ');
  session.complain(
    lines ?? '',
    'nothing was started; export the variable, or say under `secrets` in which `file` or by which `command` the value is found',
  );
  session.exit(EXIT.usage);
  return null;
}
