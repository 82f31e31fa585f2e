/**
 * The view as a renderer of listr2: its extension point is a class that is told of the tasks once and then asked to render and to
 * end. listr2 gets one task, the run, since it keeps an object per task and tells of every change; ours ignores those events and
 * draws by its own clock.
 */

import { Listr, type ListrRenderer } from 'listr2';
import type { LiveView } from './live-view.ts';

/** What listr2 hands to the renderer. */
interface RendererOptions {
  readonly view: LiveView;
}

class LiveRenderer implements ListrRenderer {
  // Otherwise listr2 falls back to another renderer where it sees no terminal; whether there is one was decided before.
  static nonTTY = true;
  static rendererOptions: RendererOptions;
  static rendererTaskOptions: never;
  readonly #view: LiveView;

  constructor(_tasks: readonly unknown[], { view }: RendererOptions) {
    this.#view = view;
  }

  render(): void {
    this.#view.begin();
  }

  end(): void {
    this.#view.end();
  }
}

/**
 * Shows a view until the run has ended.
 * @param run resolves when there is nothing more to show.
 */
export async function showWithListr(title: string, view: LiveView, run: Promise<void>): Promise<void> {
  const tasks = new Listr<object, typeof LiveRenderer>([{ title, task: () => run }], {
    renderer: LiveRenderer,
    rendererOptions: { view },
    // Whether there is a terminal was decided before; the library would look at the program's own stdout, whatever is drawn on.
    fallbackRendererCondition: () => false,
    silentRendererCondition: () => false,
    // Its own handler of SIGINT would end the program with 127 and leave the steps running.
    registerSignalListeners: false,
  });
  await tasks.run();
}
