/** The roles that parts of a printed diagnostic play; a command gives functions that colour them. */

type Brush = (text: string) => string;

/** One function per role. */
export interface Paint {
  /** `error[code]`, and the carets under what is wrong. */
  readonly error: Brush;
  /** `warning[code]`, and its carets. */
  readonly warning: Brush;
  /** The sentence itself. */
  readonly message: Brush;
  /** Line numbers, bars and arrows. */
  readonly frame: Brush;
  /** Underlines and labels of related places. */
  readonly related: Brush;
  /** The word `help`. */
  readonly help: Brush;
}

const unchanged: Brush = (text) => text;

/** No colour at all. */
export const plainPaint: Paint = {
  error: unchanged,
  warning: unchanged,
  message: unchanged,
  frame: unchanged,
  related: unchanged,
  help: unchanged,
};
