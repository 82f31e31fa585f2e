/** `POST /hooks/<deployment>/<hook>`: a request that is signed becomes an event. */

import { isFlowName } from '../base/ids.ts';
import type { Delivered, HookRequest } from '../events/hooks.ts';
import { type Answer, refusal, type Route } from './server.ts';

const PATH = /^\/hooks\/([A-Za-z0-9][A-Za-z0-9_.-]{0,99})\/([A-Za-z0-9][A-Za-z0-9_.-]{0,99})$/;

/** The route. @param deliver resolves when what comes of a request is on disk. */
export function hookRoute(deliver: (request: HookRequest) => Promise<Delivered>): Route {
  return {
    method: 'POST',
    match: (path) => {
      const [, deployment = '', hook = ''] = PATH.exec(path) ?? [];
      return isFlowName(deployment) && isFlowName(hook) ? [deployment, hook] : null;
    },
    answer: async ({ headers, body }, [deployment = '', hook = '']): Promise<Answer> => {
      const delivered = await deliver({ deployment, hook, headers, body });
      switch (delivered.kind) {
        case 'accepted':
          return { status: 202, body: { run: delivered.run } };
        case 'busy':
          return { status: 503, body: { error: 'busy' } };
        default:
          return refusal();
      }
    },
  };
}
