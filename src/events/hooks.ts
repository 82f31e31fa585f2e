/** A request for a hook: verified, known by its id if it came before, and written down before it is answered. */

import type { RunId } from '../base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Deployment } from '../model/deployment.ts';
import { type DeployedTrigger, watchedBy } from '../model/trigger.ts';
import type { TriggerMemory } from '../model/trigger-memory.ts';
import { type EventDraft, hookEvent } from './drafts.ts';
import type { Memories } from './memories.ts';
import type { EventPorts } from './ports.ts';
import { pretendToVerify, type RequestHeaders, type SignedRequest, verifyRequest } from './signed-request.ts';
import { deliveryLike, MOST_WAITING, withDelivery } from './waiting.ts';

/** A request to `/hooks/<deployment>/<hook>`. */
export interface HookRequest {
  readonly deployment: string;
  readonly hook: string;
  readonly headers: RequestHeaders;
  /** As it came, byte for byte. */
  readonly body: Buffer;
}

/** What came of a request. */
export type Delivered =
  /** `run`: the one that is to be; null where the deployment is paused, or does not run what comes while it is busy. */
  | { readonly kind: 'accepted'; readonly run: RunId | null }
  /** Not signed, or known already, or there is no such hook: whoever sent it is not told which. */
  | { readonly kind: 'refused' }
  /** Too many wait. */
  | { readonly kind: 'busy' };

/** What the inbox lends. */
export interface Desk {
  readonly ports: EventPorts;
  readonly memories: Memories;
  add(memory: TriggerMemory, owned: Owned, draft: EventDraft): Promise<TriggerMemory>;
  /** Resolves when the deployment has taken an event up. */
  taken(event: RunId): Promise<RunId | null>;
  hear(): void;
}

interface Owned {
  readonly deployment: Deployment;
  readonly trigger: DeployedTrigger;
}

/** How deep a body may be nested to be handed over as JSON. */
const DEEPEST_BODY = 100;
/** Headers that say something about an event; nothing that lets somebody in. */
const TELLING = /^(?:content-type|user-agent|x-[a-z0-9-]+|webhook-(?:id|timestamp))$/;
const SECRET = /signature|token|secret|auth|key|cookie|password/;

/** Takes a request. @param all the triggers of the project. */
export async function deliver(desk: Desk, all: readonly Owned[], request: HookRequest): Promise<Delivered> {
  const { headers, body } = request;
  const meant = all.filter(({ deployment, trigger: { definition } }) => {
    const watched = watchedBy(definition);
    const isHook = watched.kind === 'webhook' && watched.name === request.hook;
    return isHook && definition.active && deployment.name === request.deployment;
  });
  if (meant.length === 0) pretendToVerify(headers, body, desk.ports.now());
  let answer: Delivered = { kind: 'refused' };
  let isAgain = false;
  // A hook and its absence are two triggers of one name.
  for (const owned of meant) {
    const watched = watchedBy(owned.trigger.definition);
    const secret = watched.kind === 'webhook' ? await desk.ports.secret(owned.deployment, watched.secret) : null;
    const signed = secret === null || secret === '' ? null : verifyRequest(headers, body, secret, desk.ports.now());
    if (signed === null) continue;
    const one = await desk.memories.turn(owned.trigger.id, () => take(desk, owned, request, signed));
    if (one.kind === 'again') answer = { kind: 'accepted', run: one.run };
    else if (answer.kind !== 'accepted' || (one.kind === 'accepted' && one.run !== null)) answer = one;
    isAgain = one.kind === 'again';
  }
  if (answer.kind !== 'accepted' || answer.run === null || isAgain) return answer;
  const { run } = answer;
  const isHeld = meant.every(({ trigger }) => trigger.definition.debounce_ms > 0);
  const heard = isHeld ? Promise.resolve(run) : desk.taken(run);
  desk.hear();
  return { kind: 'accepted', run: await heard };
}

/** What one trigger makes of it. `again`: it has the request already, and its sender does not know. */
type Taken = Delivered | { readonly kind: 'again'; readonly run: RunId | null };

async function take(desk: Desk, owned: Owned, request: HookRequest, signed: SignedRequest): Promise<Taken> {
  const { trigger, deployment } = owned;
  const { id, proof } = signed;
  const memory = await desk.memories.of(trigger.id);
  const before = deliveryLike(memory, id, proof);
  // The very same request: somebody may have listened. One that is signed anew was sent again, for our answer was lost.
  if (before !== null && before.proof === proof) return { kind: 'refused' };
  if (before !== null) return { kind: 'again', run: before.run };
  if (memory.waiting.length >= MOST_WAITING) return { kind: 'busy' };
  const now = desk.ports.now();
  const facts = { id, headers: telling(request.headers), body: bodyOf(request.body) };
  const isAbsence = trigger.definition.source.kind === 'absence';
  // What comes while it is paused is not made up for, whenever that ends; but it is a sign of life.
  const isPassed = deployment.paused !== null && !isAbsence;
  const after = isPassed ? memory : await desk.add(memory, owned, hookEvent(request.hook, facts, now));
  const run = isPassed || isAbsence ? null : (after.waiting.at(-1)?.event.id ?? null);
  await desk.memories.remember(trigger.id, withDelivery(after, id, { run, at_ms: now, proof }));
  return { kind: 'accepted', run };
}

const telling = (headers: RequestHeaders): JsonObject =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' && TELLING.test(name) && !SECRET.test(name) ? [[name, value]] : [],
    ),
  );

/** JSON as what it says; everything else as text. */
function bodyOf(body: Buffer): Json {
  const text = body.toString('utf8');
  try {
    const value = JSON.parse(text) as Json;
    return depthOf(value, 0) > DEEPEST_BODY ? text : value;
  } catch {
    return text;
  }
}

function depthOf(value: Json, depth: number): number {
  if (depth > DEEPEST_BODY || typeof value !== 'object' || value === null) return depth;
  const members: readonly (Json | undefined)[] = isJsonObject(value) ? Object.values(value) : value;
  return members.reduce<number>((most, each) => Math.max(most, depthOf(each ?? null, depth + 1)), depth);
}
