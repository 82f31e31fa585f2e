/** The length of a text, times `scale`. */
export function length({ text, scale }: { readonly text: string; readonly scale: number }): number {
  return text.length * scale;
}
