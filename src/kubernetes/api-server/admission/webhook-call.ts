/** One call of a webhook: an AdmissionReview is sent and comes back (`admission.k8s.io`, versions v1 and v1beta1). */

import { randomUuid } from "../../../base/random.ts";
import {
  internalError,
  KubernetesError,
  type Status,
  statusError,
} from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { postToWebhook, type WebhookClientConfig, WebhookFailure } from "../webhook-client.ts";
import { type AdmissionRequest, describeRequest, type Rule } from "./admission-request.ts";
import type { MatchCondition } from "./request-expressions.ts";

const GROUP = "admission.k8s.io";
const KNOWN_VERSIONS = ["v1", "v1beta1"];
const DEFAULT_TIMEOUT_SECONDS = 10;

export interface Webhook {
  name: string;
  clientConfig: WebhookClientConfig;
  rules?: Rule[];
  failurePolicy?: "Fail" | "Ignore";
  matchPolicy?: "Exact" | "Equivalent";
  namespaceSelector?: object;
  objectSelector?: object;
  matchConditions?: MatchCondition[];
  sideEffects?: string;
  timeoutSeconds?: number;
  admissionReviewVersions?: string[];
  reinvocationPolicy?: "Never" | "IfNeeded";
}

interface Review {
  apiVersion?: string;
  kind?: string;
  response?: {
    uid?: string;
    allowed?: boolean;
    patch?: string;
    patchType?: string;
    status?: Partial<Status>;
    warnings?: string[];
  };
}

/** What a client is told of a webhook that fails. */
export const failure = ({ name }: Webhook, problem: string): KubernetesError =>
  internalError(`failed calling webhook ${JSON.stringify(name)}: ${problem}`);

/**
 * @throws KubernetesError of a webhook that refuses
 * @throws WebhookFailure
 */
export async function callWebhook(
  context: ApiContext,
  webhook: Webhook,
  request: AdmissionRequest,
  isMutating: boolean,
): Promise<{ patch?: unknown[]; warnings: string[] }> {
  if (request.isDryRun && !["None", "NoneOnDryRun"].includes(webhook.sideEffects ?? ""))
    throw statusError(
      "BadRequest",
      `admission webhook ${JSON.stringify(webhook.name)} does not support dry run`,
    );
  const version = webhook.admissionReviewVersions?.find((each) => KNOWN_VERSIONS.includes(each));
  if (version === undefined)
    throw new WebhookFailure(
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    );
  const apiVersion = `${GROUP}/${version}`;
  const uid = randomUuid(context.random);
  const { object = null, oldObject = null } = request;
  const review = {
    kind: "AdmissionReview",
    apiVersion,
    request: { uid, ...describeRequest(request), object, oldObject },
  };
  const answer = await post(context, webhook, JSON.stringify(review));
  const response = responseOf(answer, { apiVersion, uid });
  if (!response.allowed) throw refusal(webhook, response.status ?? {});
  return {
    patch: patchOf(response, isMutating, version === "v1"),
    warnings: response.warnings ?? [],
  };
}

async function post(context: ApiContext, webhook: Webhook, body: string): Promise<Review> {
  const timeoutSeconds = webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const sent = { kind: "AdmissionReview", group: GROUP, body, timeoutSeconds };
  try {
    return await postToWebhook<Review>(context, webhook.clientConfig, sent);
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    throw new WebhookFailure(`failed to call webhook: ${error.message}`);
  }
}

function responseOf({ kind, apiVersion, response }: Review, sent: { apiVersion: string; uid: string }) {
  const bad = (problem: string) => new WebhookFailure(`received invalid webhook response: ${problem}`);
  if (response === undefined || response === null) throw bad("webhook response was absent");
  if (sent.apiVersion !== `${GROUP}/v1`) return response;
  if (response.uid !== sent.uid)
    throw bad(`expected response.uid=${JSON.stringify(sent.uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  if (apiVersion === `${GROUP}/v1beta1`)
    throw new WebhookFailure(
      "failed to call webhook: converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion",
    );
  if (apiVersion !== sent.apiVersion || kind !== "AdmissionReview") {
    const got = `${apiVersion ?? "/"}, Kind=${kind ?? ""}`;
    throw bad(`expected webhook response of ${sent.apiVersion}, Kind=AdmissionReview, got ${got}`);
  }
  return response;
}

function patchOf(
  { patch, patchType }: NonNullable<Review["response"]>,
  isMutating: boolean,
  isChecked: boolean,
): unknown[] | undefined {
  const bad = (problem: string) => new WebhookFailure(`received invalid webhook response: ${problem}`);
  if (!isMutating) {
    if (isChecked && patch) throw bad("validating webhook may not return response.patch");
    if (isChecked && patchType !== undefined)
      throw bad("validating webhook may not return response.patchType");
    return undefined;
  }
  if (isChecked && patch && patchType === undefined)
    throw bad("webhook returned response.patch but not response.patchType");
  if (isChecked && !patch && patchType !== undefined)
    throw bad("webhook returned response.patchType but not response.patch");
  if (!patch) return undefined;
  let operations: unknown;
  const unreadable = (problem: string) =>
    new WebhookFailure(`received undecodable patch in webhook response: ${problem}`);
  try {
    operations = JSON.parse(Buffer.from(patch, "base64").toString());
  } catch (error) {
    throw unreadable((error as Error).message);
  }
  if (!Array.isArray(operations))
    throw unreadable("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (operations.length === 0) return undefined;
  if (isChecked && patchType !== "JSONPatch")
    throw new WebhookFailure(`unsupported patch type ${JSON.stringify(patchType)}`);
  return operations;
}

/** `webhookerrors.ToStatusErr`. */
function refusal(
  { name }: Webhook,
  { code = 0, message, reason, ...rest }: Partial<Status>,
): KubernetesError {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = message || reason;
  return new KubernetesError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    ...(rest.details && { details: rest.details }),
    ...(reason && { reason }),
    status: "Failure",
    message: why ? `${denied}: ${why}` : `${denied} without explanation`,
    code: Math.max(code, 400),
  });
}
