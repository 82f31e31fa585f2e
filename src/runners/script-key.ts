/** Names that have to do with flow functions. */

import { recordedStepKey } from '../base/ids.ts';

/** Stands where the key of a step stands, for the log of a flow function and the mark of what it starts: no step can be called so. */
export const SCRIPT_KEY = recordedStepKey('@flow');

/** The flow that a name means which a module calls, among those that steps may refer to. @param module absolute path. */
export const scriptFlowKey = (module: string, name: string): string => `${module}#${name}`;
