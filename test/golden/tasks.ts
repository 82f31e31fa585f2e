/** Says hello. Flows of this folder name it. */
export const hello = (): string => 'hello';
/** A text, so no step can call it. */
export const GREETING = 'hello';
