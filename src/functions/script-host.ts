/**
 * The entry of a script host: a worker thread that runs one flow function, a file of its own in the build. What the function asks for is
 * sent to the program (`calling.ts`); nothing it does reaches further than this thread.
 *
 *     start -> running -- the function settled --> settled -- all its calls ended (`finish`) --> ended
 */

import { parentPort } from 'node:worker_threads';
import type { JsonObject } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import { conducted, flowBehind, type RegisteredFlow, registeredFlow, registry } from '../flows/conductor.ts';
import { Calling, quiet, type SentCall } from './calling.ts';
import { AttemptLog, Capture } from './capture.ts';
import { handedSecrets } from './call-secrets.ts';
import { runInContext, type StepContext } from './context.ts';
import { setEnvironment } from './host-environment.ts';
import type { HostReport } from './messages.ts';
import { OptionsWriter, type WiredCall } from './options-border.ts';
import { reportReturned } from './perform.ts';
import type { Description, FromScript, ScriptStart, ToScript, Unheard } from './script-messages.ts';
import { stepsBehind } from './step-errors.ts';
import { describeThrown, fileOfFirstFrame } from './thrown.ts';
import { Watch } from './watch.ts';

const MOST_AT_ONCE = 64;

/** What runs one flow function. */
class ScriptHost {
  readonly #post: (message: FromScript) => void;
  readonly #options = new OptionsWriter();
  #calls: WiredCall[] = [];
  readonly #hold: (hold: boolean) => void;
  readonly #capture: Capture;
  readonly #unheard = new Map<Promise<unknown>, unknown>();
  #calling: Calling | null = null;
  #watch: Watch | null = null;
  #settled: { readonly report: HostReport; readonly blamed: readonly string[] } | null = null;
  #isOver = false;

  constructor(send: (message: FromScript) => void, hold: (hold: boolean) => void) {
    this.#post = send;
    this.#hold = hold;
    this.#capture = new Capture((message) => this.#send({ kind: 'log_failed', message }));
  }

  start(): void {
    process.setSourceMapsEnabled(true);
    this.#capture.install();
    process.on('uncaughtException', (error) => {
      this.#end({ kind: 'threw', origin: 'uncaught_exception', ...describeThrown(error, null) }, stepsBehind(error));
      process.exit(1);
    });
    // One that is handled later, when the function comes to it, is no failure; which those are is known at the end.
    process.on('unhandledRejection', (reason, promise) => this.#unheard.set(promise, reason));
    process.on('rejectionHandled', (promise) => this.#unheard.delete(promise));
    process.on('exit', () => this.#sendCalls());
    process.removeAllListeners('warning');
    process.on('warning', ({ name, message }) => process.stderr.write(`${name}: ${message}\n`));
    // While a call is under way the port keeps the thread alive. So this says that the function waits and nothing will come.
    process.on('beforeExit', () => {
      if (this.#settled === null) this.#end({ kind: 'never_settled' }, []);
    });
  }

  receive(message: ToScript): void {
    switch (message.kind) {
      case 'start':
        void this.#run(message.start);
        return;
      case 'describe':
        void this.#describe(message);
        return;
      case 'outcomes':
        for (const outcome of message.outcomes) this.#calling?.hear(outcome);
        this.#watch?.look();
        return;
      case 'live':
        this.#watch?.end();
        return;
      case 'finish':
        void this.#finish();
        return;
      default:
        assertNever(message, 'message to a script');
    }
  }

  async #run(start: ScriptStart): Promise<void> {
    const { signal } = new AbortController();
    const context: StepContext = Object.freeze({ ...start.context, secrets: handedSecrets({}), signal });
    this.#capture.begin(context, new AttemptLog(start.log, null));
    setEnvironment(start.env);
    const values = { now: [...start.values.now], random: [...start.values.random], uuid: [...start.values.uuid] };
    const calling = new Calling({
      place: 'flow',
      caller: null,
      send: (call) => {
        this.#hold(true);
        this.#sendSoon(call);
        this.#watch?.look();
      },
      record: (kind, make) => {
        const known = values[kind].shift();
        if (typeof known === 'number' || typeof known === 'string') return known;
        const value = make();
        this.#send({ kind: 'recorded', value: { kind, value } });
        return value;
      },
      ended: (open) => {
        if (open === 0 && this.#settled === null) this.#hold(false);
      },
    });
    this.#calling = calling;
    if (start.watches) this.#watch = new Watch(calling, (told, asked) => this.#send({ kind: 'waits', told, asked }));
    const ownFile = fileOfFirstFrame(new Error().stack);
    const loaded = await this.#load(start, context, ownFile);
    if ('report' in loaded) return this.#end(loaded.report, []);
    this.#hold(false);
    this.#watch?.look();
    let report: HostReport;
    let blamed: readonly string[] = [];
    try {
      const value = await runInContext(context, () => conducted(calling, () => loaded.flow.invoke(start.params)));
      report = reportReturned(value);
    } catch (error) {
      report = { kind: 'threw', origin: 'call', ...describeThrown(error, ownFile) };
      blamed = stepsBehind(error);
    }
    this.#settled = { report, blamed };
    this.#hold(true);
    this.#send({ kind: 'settled' });
    this.#watch?.look();
  }

  /** Calls that the function makes in one turn go together, so many at most that the program can see to other things between. */
  #sendSoon(call: SentCall): void {
    this.#calls.push(this.#options.write(call));
    if (this.#calls.length === 1) queueMicrotask(() => this.#sendCalls());
    else if (this.#calls.length === MOST_AT_ONCE) this.#sendCalls();
  }

  #sendCalls(): void {
    const calls = this.#calls;
    if (calls.length === 0) return;
    this.#calls = [];
    this.#post({ kind: 'called', calls });
  }

  #send(message: FromScript): void {
    this.#sendCalls();
    this.#post(message);
  }

  async #load(
    { url, module, flow: name }: Pick<ScriptStart, 'url' | 'module' | 'flow'>,
    context: StepContext,
    ownFile: string | null,
  ): Promise<{ readonly flow: RegisteredFlow } | { readonly report: HostReport }> {
    registry().loading = module;
    try {
      await runInContext(context, () => import(url));
    } catch (error) {
      const { name: kind, message, stack } = describeThrown(error, ownFile);
      const detail = stack === '' ? null : stack;
      return { report: { kind: 'module_not_loaded', message: `${kind}: ${message}`, detail } };
    }
    const flow = registeredFlow(module, name);
    if (flow !== null) return { flow };
    const available = registry().flows.map((each) => each.name);
    return { report: { kind: 'export_not_found', available, nearest: null, found: null } };
  }

  async #describe(message: Describe): Promise<void> {
    this.#send({ kind: 'described', description: await describe(message) });
  }

  /** The last ends of calls have had their effect: what nobody has heard of by now, nobody will. */
  async #finish(): Promise<void> {
    do await quiet();
    while (this.#calling?.isBusy === true);
    // What it was told last has made it call again: it is asked to finish again when that has ended.
    if ((this.#calling?.open ?? 0) > 0) return;
    const { report, blamed } = this.#settled ?? { report: { kind: 'never_settled' }, blamed: [] };
    this.#end(report, blamed);
  }

  #end(report: HostReport, blamed: readonly string[]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const reasons = [...this.#unheard.values()];
    const unheard = reasons.map((reason): Unheard => {
      const { name, message, stack } = describeThrown(reason, null);
      return { step: stepsBehind(reason)[0] ?? null, message: `${name}: ${message}`, stack };
    });
    const steps = [...new Set([...blamed, ...reasons.flatMap((reason) => stepsBehind(reason))])];
    this.#send({ kind: 'ended', report, unheard, blamed: steps });
  }
}

type Describe = Extract<ToScript, { readonly kind: 'describe' }>;

async function problemsWith(flow: RegisteredFlow, params: JsonObject): Promise<readonly string[]> {
  const checked = await flow.params(params);
  if (checked.ok) return [];
  return checked.problems.map(({ path, message }) => (path === '' ? message : `param \`${path}\`: ${message}`));
}

/** What a module makes, seen by loading it. */
async function describe({ url, module, export: name, params }: Describe): Promise<Description> {
  registry().loading = module;
  let exports: { readonly [name: string]: unknown };
  try {
    exports = (await import(url)) as { readonly [name: string]: unknown };
  } catch (error) {
    const { name: kind, message, stack } = describeThrown(error, fileOfFirstFrame(new Error().stack));
    return { kind: 'not_loaded', message: `${kind}: ${message}`, detail: stack === '' ? null : stack };
  }
  const whole = exports['default'];
  // What CommonJS exports stands in its default export.
  const members = typeof whole === 'object' || typeof whole === 'function' ? Object.entries(whole ?? {}) : [];
  const all = { ...Object.fromEntries(members), ...exports };
  const exported = Object.entries(all).flatMap(([key, value]) => {
    const flow = flowBehind(value) ?? flowBehind((value as { readonly default?: unknown } | null)?.default);
    return flow === null ? [] : [{ key, flow }];
  });
  const found =
    exported.find(({ key }) => key === name) ??
    exported.find(({ flow }) => flow.name === name) ??
    // A module that exports one flow means that one.
    (name === 'default' && exported.length === 1 ? exported[0] : undefined);
  if (found === undefined) {
    const value = all[name];
    const available = exported.map(({ key }) => key);
    return { kind: 'no_flow', available, found: value === undefined ? null : typeof value };
  }
  const own = new Map([...registry().flows, found.flow].map((flow) => [flow.name, flow]));
  const flows = [...own.values()].map(({ name: flow, kind: style, document, checksParams }) => {
    return { flow, style, document, checksParams };
  });
  const problems = params === null ? [] : await problemsWith(found.flow, params);
  return { kind: 'flow', flow: found.flow.name, flows, problems, tasks: registry().tasks.map((task) => task.name) };
}

if (parentPort !== null) {
  const port = parentPort;
  const host = new ScriptHost(
    (message) => port.postMessage(message),
    (hold) => (hold ? port.ref() : port.unref()),
  );
  host.start();
  port.on('message', (message: ToScript) => host.receive(message));
}
