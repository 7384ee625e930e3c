/**
 * Webhooks that change and check objects (apiserver `admission/plugin/webhook`): asked for every write, from clients and
 * from within. What a webhook does not answer is an error, unless its `failurePolicy` is to ignore that.
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { internalError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { fromStorageVersion, toStorageVersion } from "../convert.ts";
import { deepEqual } from "../deep-equal.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { readInput } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { WebhookFailure } from "../webhook-client.ts";
import { forbidden } from "./admission.ts";
import { type AdmissionRequest, matchesRules, matchesSelectors } from "./admission-request.ts";
import { type AdmissionTurn, TurnTaken } from "./admission-turn.ts";
import { requestScope, unmatched } from "./request-expressions.ts";
import { callWebhook, failure, type Webhook } from "./webhook-call.ts";

const GROUP = "admissionregistration.k8s.io";
const MUTATING = `${GROUP}/mutatingwebhookconfigurations`;
const VALIDATING = `${GROUP}/validatingwebhookconfigurations`;
/** How often an operation is begun anew because what it changes was changed meanwhile. */
const MAX_ATTEMPTS = 10;

interface Configuration extends KubernetesObject {
  webhooks?: Webhook[];
}

type Warn = ((text: string) => void) | undefined;

/**
 * Carries out an operation, asking webhooks where it comes to them.
 *
 * @param run begins the operation; it must not have done anything when the turn leaves it
 */
export async function withWebhooks<T>(
  context: ApiContext,
  run: (turn: AdmissionTurn) => T,
  warn: Warn,
): Promise<T> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const first = begin(() => run(new Turn()));
    if (!(first instanceof TurnTaken)) return first.result;
    const object = structuredClone(await mutate(context, first.request, warn));
    const mutated: Mutated = { object, version: first.request.oldObject?.metadata.resourceVersion };
    const second = begin(() => run(new Turn(mutated)));
    if (!(second instanceof TurnTaken)) return second.result;
    if (isStale(second.request, mutated)) continue;
    // A name that was made up is what the webhooks were shown.
    if (object !== undefined) object.metadata.name = second.request.object!.metadata.name;
    await validate(context, second.request, warn);
    const third = begin(() => run(new Turn(mutated, true)));
    if (!(third instanceof TurnTaken)) return third.result;
  }
  throw internalError("the object kept changing while webhooks were asked");
}

export function areWebhooksFor({ store, network }: ApiContext, info: ResourceInfo): boolean {
  return network !== undefined && info.group !== GROUP && store.count(MUTATING) + store.count(VALIDATING) > 0;
}

const isStale = (request: AdmissionRequest, { version }: Mutated): boolean =>
  request.oldObject?.metadata.resourceVersion !== version;

/** What the mutating webhooks made of an object that was in this version. */
interface Mutated {
  version: string | undefined;
  object: KubernetesObject | undefined;
}

/** Leaves the operation where objects are changed or, when that was asked for, where they are checked. */
class Turn implements AdmissionTurn {
  readonly #mutated: Mutated | undefined;
  readonly #isLast: boolean;

  constructor(mutated?: Mutated, isLast = false) {
    this.#mutated = mutated;
    this.#isLast = isLast;
  }

  mutate(request: AdmissionRequest): KubernetesObject | undefined {
    if (this.#mutated === undefined || isStale(request, this.#mutated)) throw new TurnTaken(request);
    return this.#mutated.object && structuredClone(this.#mutated.object);
  }

  validate(request: AdmissionRequest): void {
    if (!this.#isLast) throw new TurnTaken(request);
  }
}

function begin<T>(run: () => T): TurnTaken | { result: T } {
  try {
    return { result: run() };
  } catch (error) {
    if (error instanceof TurnTaken) return error;
    throw error;
  }
}

/** The object as the webhooks leave it, undefined when something is deleted. */
async function mutate(
  context: ApiContext,
  request: AdmissionRequest,
  warn: Warn,
): Promise<KubernetesObject | undefined> {
  let current = request;
  const again: { webhook: Webhook; seen: KubernetesObject | undefined }[] = [];
  const ask = async (webhook: Webhook) => {
    const asked = requestFor(context, webhook, current);
    if (asked === undefined) return;
    const patch = await answerOf(context, webhook, asked, true, warn);
    if (patch !== undefined && current.object === undefined)
      throw internalError(
        `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for ` +
          "this operation",
      );
    if (patch !== undefined) current = { ...current, object: patched(asked, patch, current.info) };
    if (webhook.reinvocationPolicy === "IfNeeded") again.push({ webhook, seen: current.object });
  };
  for (const webhook of webhooksOf(context, MUTATING)) await ask(webhook);
  const others = again.splice(0);
  for (const { webhook, seen } of others) if (!deepEqual(seen, current.object)) await ask(webhook);
  return current.object;
}

/** @throws KubernetesError of the first webhook that refuses */
async function validate(context: ApiContext, request: AdmissionRequest, warn: Warn): Promise<void> {
  const asked = [...webhooksOf(context, VALIDATING)].flatMap((webhook) => {
    const about = requestFor(context, webhook, request);
    return about === undefined ? [] : [answerOf(context, webhook, about, false, warn)];
  });
  // All are heard before one's refusal is told.
  const answers = await Promise.allSettled(asked);
  for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
}

function* webhooksOf({ store }: ApiContext, collection: string): Iterable<Webhook> {
  for (const { webhooks } of [...store.scan(collection)] as Configuration[]) yield* webhooks ?? [];
}

/** The request as the webhook wants it, undefined when it is not concerned. */
function requestFor(
  context: ApiContext,
  webhook: Webhook,
  request: AdmissionRequest,
): AdmissionRequest | undefined {
  const asked = inWantedVersion(context, webhook, request);
  if (asked === undefined || !matchesSelectors(context.store, webhook, request)) return undefined;
  const { matchConditions = [] } = webhook;
  const excuse =
    matchConditions.length > 0 && unmatched(matchConditions, requestScope(context.store, request));
  if (typeof excuse !== "string") return excuse ? undefined : asked;
  if (webhook.failurePolicy === "Ignore") return undefined;
  throw forbidden(request.info, request.name, excuse);
}

function inWantedVersion(
  { registry }: ApiContext,
  { rules, matchPolicy }: Webhook,
  request: AdmissionRequest,
): AdmissionRequest | undefined {
  if (matchesRules(rules, request)) return request;
  if (matchPolicy === "Exact") return undefined;
  for (const info of registry.all()) {
    if (info.collection !== request.info.collection || !matchesRules(rules, { ...request, info })) continue;
    const convert = (object: KubernetesObject | undefined) =>
      object && fromStorageVersion(info, toStorageVersion(request.info, object));
    return {
      ...request,
      info,
      requestInfo: request.info,
      object: convert(request.object),
      oldObject: convert(request.oldObject),
    };
  }
  return undefined;
}

/** A mutating webhook's patch; undefined when it has none or its failure does not matter. */
async function answerOf(
  context: ApiContext,
  webhook: Webhook,
  request: AdmissionRequest,
  isMutating: boolean,
  warn: Warn,
): Promise<unknown[] | undefined> {
  try {
    const { patch, warnings } = await callWebhook(context, webhook, request, isMutating);
    for (const warning of warnings) warn?.(warning);
    return patch;
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    if (webhook.failurePolicy === "Ignore") {
      // Its owner says that it does not matter: at the start the operator that answers it is not ready yet.
      context.log.info("webhook not reached, let in", { webhook: webhook.name, error: error.message });
      return undefined;
    }
    throw failure(webhook, error.message);
  }
}

/** The object with a webhook's patch, in the version of the request. */
function patched({ info, object }: AdmissionRequest, patch: unknown[], wanted: ResourceInfo) {
  try {
    const changed = jsonPatch(object, patch);
    // A subresource's own kind.
    if (object?.kind !== info.kind) return changed as KubernetesObject;
    const read = readInput(info, changed, {});
    return fromStorageVersion(wanted, toStorageVersion(info, read));
  } catch (error) {
    throw internalError((error as Error).message.replace(/^.* cannot be handled as a \w+: /, ""));
  }
}
