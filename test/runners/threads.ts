import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { FunctionResult } from '../../src/functions/messages.ts';
import type { FunctionCaller } from '../../src/runners/function.ts';

/** Runs inside the thread: the call's `module` is the text of an async function body that sees `signal`, `env` and `require`. */
const HOST = `
const { parentPort, workerData } = require('node:worker_threads');
const controller = new AbortController();
parentPort.on('message', (message) => {
  if (message === 'ping') parentPort.postMessage('pong');
  else controller.abort(new Error(message.abort));
});
const AsyncFunction = (async () => {}).constructor;
parentPort.postMessage('begun');
new AsyncFunction('signal', 'require', workerData)(controller.signal, require).then(
  (value) => parentPort.postMessage({ kind: 'returned', value: value ?? null, json: JSON.stringify(value ?? null) }),
  (error) => parentPort.postMessage({ kind: 'threw', origin: 'call', name: error.name, message: error.message, stack: error.stack }),
);
`;

/** A real thread per call, in place of the pool. With `deaf`, it cannot be asked whether it answers. */
export function threads(deaf = false): FunctionCaller {
  return {
    start: (call, listener) => {
      const worker = new Worker(HOST, {
        eval: true,
        workerData: call.module,
        env: { ...call.env.shared, ...call.env.own },
      });
      const pongs: (() => void)[] = [];
      let last: FunctionResult = { kind: 'host_ended', reason: 'terminated', code: null, detail: null };
      const done = new Promise<FunctionResult>((resolve) => {
        worker.on('message', (message: FunctionResult | 'begun' | 'pong') => {
          if (message === 'begun') listener.begun();
          else if (message === 'pong') for (const pong of pongs.splice(0)) pong();
          else {
            last = message;
            void worker.terminate();
          }
        });
        worker.on('error', () => {});
        worker.on('exit', () => resolve(last));
      });
      const running = {
        done,
        abort: (reason: string) => worker.postMessage({ abort: reason }),
        terminate: async () => {
          await worker.terminate();
        },
      };
      if (deaf) return running;
      return {
        ...running,
        answers: async (withinMs: number) => {
          worker.postMessage('ping');
          const heard = new Promise<true>((resolve) => pongs.push(() => resolve(true)));
          return Promise.race([heard, done.then(() => true), setTimeout(withinMs, false)]);
        },
      };
    },
  };
}
