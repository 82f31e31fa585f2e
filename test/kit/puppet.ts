/**
 * Steps that the test drives: each is a tiny program connected to the test by a unix socket. The test sees it start, makes it print,
 * and picks its exit code or signal; so "both have started, the third has not" needs no sleep.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { join, resolve } from 'node:path';

const PROGRAM = resolve(import.meta.dirname, 'puppet-program.mjs');

/** A step under way. */
export class Puppet {
  readonly name: string;
  readonly attempt: number;
  readonly run: string;
  readonly pid: number;
  /** Signals that it caught, in order. */
  readonly signals: string[] = [];
  /** Resolves when its process has ended, however. */
  readonly gone: Promise<void>;
  private readonly socket: Socket;
  private readonly waiting = new Set<() => void>();
  private printed = 0;

  constructor(socket: Socket, hello: { name: string; attempt: number; run: string; pid: number }) {
    this.socket = socket;
    this.name = hello.name;
    this.attempt = hello.attempt;
    this.run = hello.run;
    this.pid = hello.pid;
    this.gone = new Promise((done) => socket.on('close', () => done()));
  }

  /** What the program said. */
  hear(message: { signal?: string; printed?: boolean }): void {
    if (message.signal !== undefined) this.signals.push(message.signal);
    if (message.printed === true) this.printed += 1;
    for (const look of this.waiting) look();
  }

  /** Prints; resolves when the bytes are written. */
  async print(text: string, to: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    const before = this.printed;
    this.tell({ print: text, to });
    await this.until(() => this.printed > before);
  }

  /** Waits until it has caught a signal. */
  catches(signal: string): Promise<void> {
    return this.until(() => this.signals.includes(signal));
  }

  /** Ends by itself with a code. */
  async exit(code: number): Promise<void> {
    this.tell({ exit: code });
    await this.gone;
  }

  /** Ends by a signal to itself. */
  async die(signal: NodeJS.Signals): Promise<void> {
    this.tell({ die: signal });
    await this.gone;
  }

  private tell(order: object): void {
    this.socket.write(`${JSON.stringify(order)}\n`);
  }

  private until(holds: () => boolean): Promise<void> {
    return new Promise((done, failed) => {
      const look = (): void => {
        if (holds()) done();
        else if (this.socket.destroyed) failed(new Error(`puppet ${this.name} has gone`));
        else return;
        this.waiting.delete(look);
        this.socket.off('close', look);
      };
      this.waiting.add(look);
      this.socket.on('close', look);
      look();
    });
  }
}

/** Where puppets come in. */
export class Stage {
  /** Names of all that came in, in the order in which they did. */
  readonly entered: string[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly ready: Puppet[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => this.connect(socket));
  }

  /** Opens a stage in a folder. Everything that is started with `variables` may send puppets. */
  static async open(folder: string): Promise<Stage & { readonly variables: { readonly PUPPETS: string } }> {
    const path = join(folder, 'puppets.sock');
    const server = createServer();
    await new Promise<void>((done) => server.listen(path, done));
    return Object.assign(new Stage(server), { variables: { PUPPETS: path } });
  }

  /** The `run` of a puppet step, in YAML; `caught` are signals that it reports instead of dying of them. */
  static step(name: string, ...caught: readonly NodeJS.Signals[]): string {
    return JSON.stringify([process.execPath, PROGRAM, name, ...caught]);
  }

  /** Waits until a puppet of this name has come in, and takes it. */
  enter(name: string): Promise<Puppet> {
    return new Promise((done) => {
      const look = (): void => {
        const index = this.ready.findIndex((puppet) => puppet.name === name);
        const [puppet] = index === -1 ? [] : this.ready.splice(index, 1);
        if (puppet === undefined) return;
        this.waiting.delete(look);
        done(puppet);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Ends every puppet that is left. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  private connect(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => socket.destroy());
    let puppet: Puppet | null = null;
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const message: unknown = JSON.parse(line);
        if (puppet !== null) puppet.hear(message as { signal?: string });
        else {
          puppet = new Puppet(socket, message as ConstructorParameters<typeof Puppet>[1]);
          this.entered.push(puppet.name);
          this.ready.push(puppet);
          for (const look of this.waiting) look();
        }
      }
    });
  }
}
