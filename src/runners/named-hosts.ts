/** Hosts that somebody who is trusted has written down: in the text of a flow, or in a secret. */

import { type Json, mapTexts } from '../base/json.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { PrivateHosts } from '../model/project.ts';

const ADDRESS = /https?:\/\/([^\s"'`<>\\/?#|{}$]*)(\$\{\{[^}]*\}\}[^\s"'`<>\\/?#|]*)?/gi;

/**
 * The hosts of all addresses in the texts of a definition, wherever they stand: in a step, a variable, the default of a param. One that
 * an expression makes, in whole or in part, is not named.
 */
export function hostsNamedIn(definition: Json): readonly string[] {
  const hosts = new Set<string>();
  mapTexts(definition, (text) => {
    for (const [, written = '', computed = ''] of text.matchAll(ADDRESS)) {
      // Behind `host:` a port may be computed; before an `@` stands who asks, and the host comes after it.
      if (computed !== '' && (!written.endsWith(':') || computed.includes('@'))) continue;
      const authority = `http://${written.replace(/[).,;:!]+$/, '')}`;
      if (URL.canParse(authority)) hosts.add(new URL(authority).hostname);
    }
    return text;
  });
  return [...hosts];
}

/**
 * The hosts that may be reached in private networks: those that the project allows, and those that flows name.
 * @returns a function that looks through the flows when it is first asked, for most runs never do.
 */
export function reachableHosts(allowed: PrivateHosts, flows: readonly FlowDefinition[]): () => PrivateHosts {
  let all: PrivateHosts | undefined;
  return () => {
    all ??= allowed === 'all' ? 'all' : [...new Set([...allowed, ...hostsNamedIn(flows as unknown as Json)])];
    return all;
  };
}

const BEGINS_WITH_SECRET = /^(?:https?:\/\/)?\uFDD0[A-Za-z_][A-Za-z0-9_]*\uFDD1/u;

/**
 * The host of an address that a secret holds, whole or as its host; null when the host comes from elsewhere.
 * @param marked the address with a mark in the place of each secret.
 */
export function hostOfSecret(marked: string, reveal: (text: string) => string): string | null {
  const [beginning] = BEGINS_WITH_SECRET.exec(marked) ?? [];
  if (beginning === undefined) return null;
  const held = reveal(beginning);
  return URL.canParse(held) ? new URL(held).hostname : null;
}

/** The same hosts, and the one that a secret holds. @param marked as for `hostOfSecret`. */
export const allowing =
  (hosts: () => PrivateHosts, marked: string, reveal: (text: string) => string): (() => PrivateHosts) =>
  () => {
    const [allowed, held] = [hosts(), hostOfSecret(marked, reveal)];
    return allowed === 'all' || held === null ? allowed : [...allowed, held];
  };
