/**
 * What calls in one thread share whether they want to or not: the globals, and who listens to the process. A call that replaced one has
 * replaced it for the next, so its thread serves no other.
 */

/**
 * What is worth replacing for a test, a measurement or by mistake. Looked at after every call, so each by its name, which is fast; the
 * thousands of properties that there are would cost more than most calls.
 */
const shared = (): readonly unknown[] => [
  ...[Promise, Promise.all, Promise.allSettled, Promise.race, Promise.resolve, Promise.reject],
  ...[Promise.prototype.then, Promise.prototype.catch, Promise.prototype.finally],
  ...[JSON, JSON.parse, JSON.stringify, Math, Math.random, Date, Date.now],
  ...[setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask],
  ...[Object, Object.keys, Object.entries, Object.assign, Object.create, Object.defineProperty, Object.freeze],
  ...[Function.prototype.apply, Function.prototype.bind, Function.prototype.call, Reflect.apply, Reflect.ownKeys],
  ...[Array, Array.from, Array.isArray, Array.prototype.concat, Array.prototype.filter, Array.prototype.forEach],
  ...[Array.prototype.includes, Array.prototype.join, Array.prototype.map, Array.prototype.pop, Array.prototype.push],
  ...[Array.prototype.shift, Array.prototype.slice, Array.prototype.sort, Array.prototype.splice],
  ...[Array.prototype[Symbol.iterator], Map, Map.prototype.get, Map.prototype.set, Set, Set.prototype.add, WeakMap],
  ...[String.prototype.replace, String.prototype.slice, String.prototype.split, String.prototype.startsWith],
  ...[RegExp.prototype.exec, RegExp.prototype.test, parseInt, parseFloat, Number, String, Symbol],
  // biome-ignore lint/suspicious/noConsole: looked at, not called.
  ...[console, console.debug, console.error, console.info, console.log, console.warn],
  ...[process, process.cwd, process.emit, process.exit, process.nextTick, process.on],
  ...[process.stdout, process.stdout.write, process.stderr, process.stderr.write],
  ...[process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')],
];

/** The surroundings as they are when this is made. */
export class Surroundings {
  readonly #before = shared();

  /** False when one of them was replaced or taken away, or every object has an enumerable property more. */
  get areIntact(): boolean {
    try {
      for (const name in {}) return name === '';
      const now = shared();
      for (let index = 0; index < now.length; index += 1) if (now[index] !== this.#before[index]) return false;
      return true;
    } catch {
      return false;
    }
  }
}
