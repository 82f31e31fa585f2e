/**
 * A function host that is a process of its own and serves one call (`isolate: process`). What it is to do stands on its standard input,
 * which has no name on any disk; how the call ended goes into a file; what the function prints goes where the process prints. Native code
 * may crash it, and a kill ends it, whatever it is in.
 */

import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { handedSecrets } from './call-secrets.ts';
import type { Conductor } from '../flows/conductor.ts';
import type { StepContext } from './context.ts';
import type { FunctionCall, HostReport } from './messages.ts';
import { perform } from './perform.ts';
import { describeThrown } from './thrown.ts';

/** What the process is told. */
export interface IsolatedCall {
  /** Where the module, or its bundle, is loaded from. */
  readonly url: string;
  /** `env` and `log` mean nothing here: the process has both. */
  readonly call: FunctionCall;
  /** The file that takes the report; it does not exist. */
  readonly report: string;
}

/** The argument that makes the host's file serve one call. */
export const ISOLATED_CALL = 'isolated-call';

/**
 * The file that the process makes, empty, when it hears that it is to end: without it nobody outside knows whether it is in its event loop
 * or in a call that hears nothing. @param report that of the call.
 */
export const heardFile = (report: string): string => `${report}.heard`;

/** A process of its own has no way to the program but its report. */
const ALONE: Conductor = {
  place: 'task',
  call: () => {
    throw new Error('a task with `isolate: process` cannot call tasks or flows');
  },
  record: (_kind, make) => make(),
};

/** Serves the call, and ends the process. */
export async function serveIsolatedCall(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const { url, call, report } = JSON.parse(readFileSync(0, 'utf8')) as IsolatedCall;
  const controller = new AbortController();
  const ask = (): void => {
    if (controller.signal.aborted) return;
    closeSync(openNew(heardFile(report)));
    controller.abort(new DOMException('the attempt was asked to end', 'AbortError'));
  };
  // Neither keeps the process alive. What does not listen is killed after the grace time.
  process.on('SIGTERM', ask).on('SIGINT', ask);
  const end = (what: HostReport): void => {
    writeReport(report, what);
    process.exit(0);
  };
  process.on('uncaughtException', (error, origin) => {
    const rejected = origin === 'unhandledRejection';
    const thrown = describeThrown(error, null);
    end({ kind: 'threw', origin: rejected ? 'unhandled_rejection' : 'uncaught_exception', ...thrown });
  });
  process.on('beforeExit', () => end({ kind: 'never_settled' }));
  const secrets = handedSecrets(call.secrets?.values ?? {});
  const context: StepContext = Object.freeze({ ...call.context, secrets, signal: controller.signal });
  end(await perform({ ...call, url }, context, ALONE));
}

function openNew(file: string): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  return openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

function writeReport(file: string, report: HostReport): void {
  const descriptor = openNew(file);
  try {
    writeFileSync(descriptor, JSON.stringify(report));
  } finally {
    closeSync(descriptor);
  }
}
