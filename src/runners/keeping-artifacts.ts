/** A runner that also keeps what its attempts leave for people to look at, however they ended. */

import { leftArtifacts } from './attempt-files.ts';
import type { Runner, WorkEnd } from './runner.ts';

/** Lets a runner keep artifacts: it ends an attempt when they are kept and published (see `artifacts`). */
export function keepingArtifacts(runner: Runner): Runner {
  return {
    start: (request, context) => {
      const { places, listener } = context;
      let killed = false;
      const work = runner.start(request, context);
      const keep = async (end: WorkEnd): Promise<WorkEnd> => {
        const { keepArtifacts } = await import('./artifacts.ts');
        await keepArtifacts({ request, places, listener, isHurried: () => killed });
        return end;
      };
      // Most attempts publish nothing, and pay for one look, where nobody has looked yet.
      const leavesSome = (): boolean =>
        request.artifacts.length > 0 || (work.hasLeftNothing?.() !== true && leftArtifacts(places));
      return {
        ended: work.ended.then((end) => (end.kind !== 'refused' && leavesSome() ? keep(end) : end)),
        stop: (signal, reason) => work.stop(signal, reason),
        kill: () => {
          killed = true;
          work.kill();
        },
      };
    },
  };
}
