/**
 * Gives secrets to attempts: behind this, every runner sees values where the request had marks, and what it says of the attempt has them
 * hidden again. The request with its values lives in memory only, as long as the attempt.
 */

import { type Json, mapTexts } from '../base/json.ts';
import { assertNever, err, ok, type Result } from '../base/result.ts';
import { markedSecrets, replaceMarks } from '../base/secret-mark.ts';
import type { AttemptListener, AttemptRequest, Work } from '../engine/ports.ts';
import type { Failure } from '../model/outcome.ts';
import type { Mask } from '../secrets/mask.ts';
import type { FlowSecrets } from '../secrets/run-secrets.ts';
import { STARS } from '../secrets/stream-mask.ts';
import { type AttemptSecrets, failedToStart, type Runner, type RunnerContext, type WorkEnd } from './runner.ts';

/**
 * A runner of attempts that may name secrets.
 * @param secrets those of the flow whose steps it performs.
 */
export function withSecrets(runner: Runner, secrets: FlowSecrets): Runner {
  return {
    start: (request, context) => {
      const revealed = reveal(request, secrets);
      if (!revealed.ok) {
        const { code, message } = revealed.error;
        return { ended: Promise.resolve(failedToStart(code, message)), stop: () => {}, kill: () => {} };
      }
      const listener = maskedListener(context.listener, secrets.mask);
      const { known, values } = revealed.value;
      const guarded: RunnerContext = { ...context, listener, secrets: attemptSecrets(secrets, values) };
      const work = runner.start(known, guarded);
      return {
        ended: work.ended.then((end) => maskedEnd(end, secrets.mask)),
        stop: (signal, reason) => work.stop(signal, reason),
        kill: () => work.kill(),
      };
    },
  };
}

const attemptSecrets = (secrets: FlowSecrets, values: AttemptSecrets['values']): AttemptSecrets => ({
  mask: secrets.mask,
  values,
  withheld: secrets.withheld(Object.keys(values)),
  exposedBy: (text) => secrets.exposedBy(text),
});

/** Where a value would be seen by everybody: the list of processes, or text that is code. */
function findMisplaced({ work }: AttemptRequest): Failure | null {
  const probe = work.kind === 'wait' ? work.probe : null;
  const command = probe?.kind === 'command' ? probe.command : work;
  const words = command.kind === 'argv' ? command.argv : command.kind === 'shell' ? [command.text] : [];
  const [name] = words.flatMap(markedSecrets);
  if (name === undefined) return null;
  const message = `the secret \`${name}\` must not be in a command's own words, which every process can see; hand it over by \`env\` or \`stdin\``;
  return { code: 'secret', message };
}

/** What an attempt is given. */
interface Revealed {
  /** The request with values in the place of marks. */
  readonly known: AttemptRequest;
  /** The values by the names of their secrets. */
  readonly values: { readonly [name: string]: string };
}

function reveal(request: AttemptRequest, secrets: FlowSecrets): Result<Revealed, Failure> {
  const misplaced = findMisplaced(request);
  if (misplaced !== null) return err(misplaced);
  const values: { [name: string]: string } = Object.create(null);
  let unknown: string | null = null;
  const valueFor = (name: string): string => {
    const value = secrets.find(name)?.reveal();
    if (value === undefined) unknown ??= name;
    else values[name] = value;
    return value ?? '';
  };
  const fill: Fill = (value) => mapTexts(value, (text) => replaceMarks(text, valueFor)) as typeof value;
  for (const name of request.secrets) valueFor(name);
  const variables = Object.fromEntries(request.secret_variables.map((name) => [name, valueFor(name)]));
  const known: AttemptRequest = {
    ...request,
    env: { ...variables, ...fill(request.env) },
    values: fill(request.values),
    stdin: fill(request.stdin),
    work: fillWork(request.work, fill, (text) => secrets.mask.text(replaceMarks(text, () => STARS))),
  };
  if (unknown === null) return ok({ known, values });
  return err({ code: 'secret', message: `the value of the secret \`${unknown}\` is not known` });
}

type Fill = <T extends Json>(value: T) => T;

/**
 * A sub-flow gets its params as they are: they are recorded, and whoever performs its steps replaces the marks. Addresses and headers of
 * requests are revealed by who sends them, so that nothing said of them holds a value; what people read in a message never does.
 */
function fillWork(work: Work, fill: Fill, hide: (text: string) => string): Work {
  switch (work.kind) {
    case 'call':
      return { ...work, input: fill(work.input) };
    case 'notify': {
      const { title } = work.options;
      const options = typeof title === 'string' ? { ...work.options, title: hide(title) } : work.options;
      return { ...work, options, text: hide(work.text) };
    }
    case 'shell':
    case 'argv':
    case 'flow':
    case 'wait':
      return work;
    default:
      return assertNever(work, 'work');
  }
}

const maskedListener = (listener: AttemptListener, mask: Mask): AttemptListener => ({
  spawned: (process) => listener.spawned(process),
  reaped: (pids) => listener.reaped(pids),
  warned: (code, message) => listener.warned(code, mask.text(message)),
  childStarted: (child) => listener.childStarted(child),
  ran: (ms) => listener.ran?.(ms),
  called: (call) => listener.called?.(call) ?? new Promise(() => {}),
  published: (artifact) => {
    const hide = (value: Json): Json => mapTexts(value, (text) => mask.text(text));
    const name = mask.text(artifact.name);
    listener.published({ ...artifact, name, ...('value' in artifact ? { value: hide(artifact.value ?? null) } : {}) });
  },
});

function maskedEnd(end: WorkEnd, mask: Mask): WorkEnd {
  if (end.kind !== 'failed') return end;
  const { code, message, detail } = end.failure;
  const failure: Failure = { code, message: mask.text(message) };
  return { ...end, failure: detail === undefined ? failure : { ...failure, detail: mask.text(detail) } };
}
