/** What a task leaves for people to look at. */

import path from 'node:path';
import type { Json } from '../base/json.ts';
import { publish } from '../functions/host-artifacts.ts';
import { currentConductor } from './conductor.ts';
import { asJson } from './values.ts';

/** Publishes artifacts of the attempt: kept with the run, listed by `flowctl show`, also of an attempt that fails. */
export interface Artifacts {
  markdown(name: string, text: string): void;
  /** @param rows a list of objects or lists; JSON. */
  table(name: string, rows: readonly unknown[]): void;
  link(name: string, url: string, title?: string): void;
  /** Copies the file as it is now. @param file relative to the step's working directory. @param name default: that of the file. */
  file(file: string, name?: string): void;
  image(file: string, name?: string): void;
}

function refuseInFlow(): void {
  if (currentConductor()?.place !== 'flow') return;
  throw new Error('artifacts belong to attempts: publish them in a task');
}

/** The publisher of an attempt. @param workdir what relative paths are relative to. @internal */
export function artifactsIn(workdir: string): Artifacts {
  const value = (kind: 'markdown' | 'table' | 'link', name: string, published: Json): void => {
    refuseInFlow();
    publish({ kind, name, value: published });
  };
  const copy = (kind: 'file' | 'image', file: string, name: string): void => {
    refuseInFlow();
    publish({ kind, name, source: path.resolve(workdir, file) });
  };
  return {
    markdown: (name, text) => value('markdown', name, String(text)),
    table: (name, rows) => value('table', name, asJson(`the table \`${name}\``, rows)),
    link: (name, url, title) => {
      if (!/^https?:/.test(url) || !URL.canParse(url)) throw new TypeError(`\`${url}\` is no address; write it whole`);
      value('link', name, { url, title: title ?? null });
    },
    file: (file, name = path.basename(file)) => copy('file', file, name),
    image: (file, name = path.basename(file)) => copy('image', file, name),
  };
}
