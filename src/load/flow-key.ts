/**
 * How flows are named: by the path of their file, or by a module and one of the flows that it makes (`./report.ts#weekly`). The key of a
 * flow is the same with an absolute path: under it a definition finds the flows that its steps refer to.
 */

import { extname, resolve } from 'node:path';

/** A flow of a module. */
export interface ModuleFlow {
  /** As written, relative to the folder of the flow that names it. */
  readonly module: string;
  /** The name of an export, or of a flow. */
  readonly name: string;
  /** True: named by the module that made both flows, which is sure of it. */
  readonly isOwn: boolean;
}

const PROGRAM = /^\.[cm]?[jt]sx?$/;

/** True for the path of a flow that is a program. */
export const isProgram = (path: string): boolean => PROGRAM.test(extname(path));

/** Stands before the name of a flow where its own module names it (`flows/flow-document.ts`): names begin with a letter or digit. */
const OWN = '$';

/** Reads what stands under `flow`: `./report.ts`, `./report.ts#weekly`. Null for what names no module. */
export function parseModuleFlow(text: string): ModuleFlow | null {
  const mark = text.lastIndexOf('#');
  const module = mark === -1 ? text : text.slice(0, mark);
  if (!isProgram(module)) return null;
  const name = mark === -1 ? 'default' : text.slice(mark + 1);
  return name.startsWith(OWN) ? { module, name: name.slice(OWN.length), isOwn: true } : { module, name, isOwn: false };
}

/** The key of a flow. @param directory absolute: the folder of the flow that names it. */
export function flowKey(directory: string, text: string): string {
  const flow = parseModuleFlow(text);
  return flow === null ? resolve(directory, text) : `${resolve(directory, flow.module)}#${flow.name}`;
}
