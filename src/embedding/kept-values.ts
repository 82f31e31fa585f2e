/** Values that tasks keep across runs: those of `flowctl vars`, read and changed while a run is going on. */

import type { Json } from '../base/json.ts';
import { currentContext } from '../functions/context.ts';
import { asJson } from '../flows/values.ts';

/** What tasks keep across runs, by name. Any number of runs may use it at once: none loses what another one sets. */
export interface KeptValues {
  /** The value as it is now; undefined where none is kept. `context().vars` is what it was when the run began. */
  get(name: string): Promise<Json | undefined>;
  /** @throws {Error} for what is not JSON, for a name that is none, and where all values together are too large. */
  set(name: string, value: Json): Promise<void>;
  /**
   * Changes a value while nobody else does.
   * @param change what it becomes, from what it is (undefined: none is kept); what it throws is thrown here, and nothing is changed.
   * @returns what it became.
   */
  update(name: string, change: (before: Json | undefined) => Json): Promise<Json>;
  /** @returns whether there was one. */
  delete(name: string): Promise<boolean>;
}

/**
 * What tasks keep across runs. In tasks only: a flow function runs again when its run is resumed, and would see other values then. A task that is
 * tried again sets again, so `update` what does not depend on how often. In `runFlow` without `stateDir` values last as long as the rehearsal.
 */
export const state: KeptValues = {
  get: async (name) => {
    const { layout, store } = await kept(name);
    const all = answered(await store.readVars(layout), store.describeProblem);
    return Object.hasOwn(all, name) ? all[name] : undefined;
  },
  set: async (name, value) => {
    await change(name, () => value);
  },
  update: change,
  delete: async (name) => {
    const { layout, store } = await kept(name);
    let was = false;
    const without = await store.changeVars(layout, (all) => {
      was = Object.hasOwn(all, name);
      return was ? Object.fromEntries(Object.entries(all).filter(([each]) => each !== name)) : all;
    });
    answered(without, store.describeProblem);
    return was;
  },
};

async function change(name: string, make: (before: Json | undefined) => Json): Promise<Json> {
  const { layout, store } = await kept(name);
  let made: Json = null;
  let size = 0;
  const thrown: unknown[] = [];
  const changed = await store.changeVars(layout, (all) => {
    try {
      made = asJson(`the value of \`${name}\``, make(Object.hasOwn(all, name) ? all[name] : undefined));
    } catch (error) {
      // The caller's own, and no trouble with the state.
      thrown.push(error);
      return all;
    }
    const after = { ...all, [name]: made };
    size = JSON.stringify(after).length;
    return size > store.MOST_CHARACTERS ? all : after;
  });
  for (const error of thrown) throw error;
  answered(changed, store.describeProblem);
  if (size > store.MOST_CHARACTERS) {
    throw new Error(
      `with \`${name}\` the values would be ${size} characters; at most ${store.MOST_CHARACTERS} are kept: keep large things in a file`,
    );
  }
  return made;
}

/** Where the values of the run around lie. Its code is loaded with the first value. */
async function kept(name: string) {
  const current = currentContext();
  if (current === null) throw new Error('`state` is only there inside a task');
  if (current.step === '')
    throw new Error('`state` is not there in a flow function, which runs again on resume: use it in a task');
  const [vars, { stateLayout, stateOfRunDirectory }, { describeProblem }] = await Promise.all([
    import('../store/vars.ts'),
    import('../store/layout.ts'),
    import('../store/problem.ts'),
  ]);
  if (!vars.isVarName(name)) {
    throw new Error(
      `\`${name}\` is no name of a value: it begins with a letter or \`_\`, and is made of letters, digits, \`_\` and \`-\`, at most 64`,
    );
  }
  // A rehearsal has a folder of its own, which goes with it.
  const root = stateOfRunDirectory(current.run_dir) ?? current.run_dir;
  return { layout: stateLayout(root), store: { ...vars, describeProblem } };
}

function answered<T, E>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E },
  sentence: (error: E) => string,
): T {
  if (result.ok) return result.value;
  throw new Error(sentence(result.error));
}
