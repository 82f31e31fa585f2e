/** How people name a flow: a file, or `file.ts#name` for one of the flows that a module makes. */

import type { FlowDefinition } from '../model/flow.ts';

/** A flow of a module. */
export interface ModuleReference {
  readonly module: string;
  /** The name of an export, or of a flow. */
  readonly flow: string;
}

const MODULE = /^(.+\.[cm]?[jt]sx?)(?:#(.+))?$/;

/** Reads a name; null for one that is not of a module. */
export function moduleReference(text: string): ModuleReference | null {
  const [, module, flow = 'default'] = MODULE.exec(text) ?? [];
  return module === undefined ? null : { module, flow };
}

/** The file in which a named flow stands. */
export const fileOf = (text: string): string => moduleReference(text)?.module ?? text;

/** How a definition's flow is named, so that it is found again. */
export const referenceTo = ({ file, name, script }: Pick<FlowDefinition, 'file' | 'name' | 'script'>): string =>
  MODULE.test(file) ? `${file}#${script?.flow ?? name}` : file;
