/** Says hello. Flows of this folder name it. */
export const hello = (): string => 'hello';
