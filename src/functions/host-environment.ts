/** The environment of a host's thread. */

/** The environment of this thread alone, replaced as a whole. */
export function setEnvironment(env: { readonly [name: string]: string }): void {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  Object.assign(process.env, env);
}
