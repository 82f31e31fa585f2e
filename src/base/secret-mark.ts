/**
 * What stands for a secret's value until a step runs: expressions yield marks, so that the value itself is in no scope, no request and
 * no record. A mark is made of noncharacters of Unicode (U+FDD0 and U+FDD1, which no text may interchange), with the secret's name between.
 */

const OPEN = '\uFDD0';
const CLOSE = '\uFDD1';
const MARK = /\uFDD0([A-Za-z_][A-Za-z0-9_]*)\uFDD1/gu;

/** The mark of a secret. */
export const secretMark = (name: string): string => `${OPEN}${name}${CLOSE}`;

/** The names of the secrets whose marks are in a text, each once. */
export const markedSecrets = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(MARK)].map(([, name]) => name ?? '')),
];

/** A text with every mark replaced. @param valueFor the value of a secret by its name. */
export const replaceMarks = (text: string, valueFor: (name: string) => string): string =>
  text.replace(MARK, (_, name: string) => valueFor(name));
