/** The environment of a host's thread. */

import { lstatSync, mkdirSync } from 'node:fs';
import type { EnvironmentDelta } from './call-delta.ts';

/** The environment of this thread alone, replaced as a whole. */
export function setEnvironment(env: { readonly [name: string]: string }): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  Object.assign(process.env, env);
}

/** The variable that names the folder for artifacts. */
const FOLDER = 'FLOWCTL_ARTIFACTS';

/**
 * The environment of a thread that serves one call after the other. Looking at every variable before each call costs more than most calls
 * do; so user code that changes one is noticed, and only then is everything put back. The folder for artifacts is made when its name is
 * looked at, also by whoever copies the environment for a process: to make and remove one costs more than most calls do as well.
 */
export class CallEnvironment {
  /** What it is to be; without a prototype, for a variable may bear any name. */
  readonly #wanted: { [name: string]: string } = Object.create(null);
  readonly #own = process.env;
  #isChanged = false;
  #hasLooked = false;

  /** Takes the place of `process.env`. Once per thread, before any user code is loaded. */
  install(): void {
    const note = (): void => {
      this.#isChanged = true;
    };
    const look = (name: string | symbol): void => {
      if (name === FOLDER && !this.#hasLooked) this.#makeFolder();
    };
    process.env = new Proxy(this.#own, {
      get: (target, name) => {
        look(name);
        return Reflect.get(target, name);
      },
      getOwnPropertyDescriptor: (target, name) => {
        look(name);
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
      set: (target, name, value) => {
        note();
        return Reflect.set(target, name, value);
      },
      deleteProperty: (target, name) => {
        note();
        return Reflect.deleteProperty(target, name);
      },
      defineProperty: (target, name, descriptor) => {
        note();
        return Reflect.defineProperty(target, name, descriptor);
      },
    });
  }

  /** Makes it that of the next call. */
  apply({ set, unset }: EnvironmentDelta): void {
    this.#hasLooked = false;
    for (const name of unset) {
      delete this.#wanted[name];
      delete this.#own[name];
    }
    for (const name in set) {
      const value = set[name];
      if (value === undefined) continue;
      this.#wanted[name] = value;
      this.#own[name] = value;
    }
    if (!this.#isChanged) return;
    this.#isChanged = false;
    for (const name of Object.keys(this.#own)) if (this.#wanted[name] === undefined) delete this.#own[name];
    Object.assign(this.#own, this.#wanted);
  }

  /** True when the folder for artifacts is there, or something in its place: also where nobody looked at its name here. */
  get hasArtifacts(): boolean {
    const folder = this.#wanted[FOLDER];
    return folder !== undefined && lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
  }

  #makeFolder(): void {
    this.#hasLooked = true;
    const folder = this.#wanted[FOLDER];
    if (folder === undefined) return;
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch {
      // It is there already; or else whoever writes to it hears why that is not possible.
    }
  }
}
