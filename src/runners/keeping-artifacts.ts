/** A runner that also keeps what its attempts leave for people to look at, however they ended. */

import { leftArtifacts } from './attempt-files.ts';
import type { Runner } from './runner.ts';

/** Lets a runner keep artifacts: it ends an attempt when they are kept and published (see `artifacts`). */
export function keepingArtifacts(runner: Runner): Runner {
  return {
    start: (request, context) => {
      const { places, listener } = context;
      let killed = false;
      const work = runner.start(request, context);
      const keep = async (): Promise<void> => {
        // Most attempts publish nothing, and pay for one look.
        if (request.artifacts.length === 0 && (work.hasLeftNothing?.() === true || !leftArtifacts(places))) return;
        const { keepArtifacts } = await import('./artifacts.ts');
        await keepArtifacts({ request, places, listener, isHurried: () => killed });
      };
      return {
        ended: work.ended.then(async (end) => {
          if (end.kind !== 'refused') await keep();
          return end;
        }),
        stop: (signal, reason) => work.stop(signal, reason),
        kill: () => {
          killed = true;
          work.kill();
        },
      };
    },
  };
}
