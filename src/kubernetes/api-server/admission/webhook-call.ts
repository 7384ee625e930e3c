/** One call of a webhook: an AdmissionReview is sent and comes back (`admission.k8s.io`, versions v1 and v1beta1). */

import { readBody } from "../../../base/network.ts";
import { describeNetworkError } from "../../../base/network-error.ts";
import { randomUuid } from "../../../base/random.ts";
import {
  internalError,
  isStatus,
  KubernetesError,
  type Status,
  statusError,
} from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { serviceEndpoint } from "../service-endpoint.ts";
import { type AdmissionRequest, describeRequest, type Rule } from "./admission-request.ts";
import type { MatchCondition } from "./request-expressions.ts";

const GROUP = "admission.k8s.io";
const KNOWN_VERSIONS = ["v1", "v1beta1"];
const DEFAULT_TIMEOUT_SECONDS = 10;
const HTTPS_PORT = 443;
/** What an answer may measure. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** How much of an answer that is no review is told. */
const MAX_TOLD = 2048;

export interface Webhook {
  name: string;
  clientConfig: {
    url?: string;
    service?: { namespace: string; name: string; path?: string; port?: number };
    /** PEM in base64. */
    caBundle?: string;
  };
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

/** There is no answer, or none that can be used. */
export class WebhookFailure extends Error {}

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
  const { caBundle } = webhook.clientConfig;
  const seconds = webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const timeout = `timeout=${seconds}s`;
  const { url, shown, serverName } = placeOf(context, webhook, timeout);
  const failed = (problem: string) => new WebhookFailure(`failed to call webhook: ${problem}`);
  let text: string;
  let status: number;
  try {
    const response = await context.network!.fetch(`${url}?${timeout}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, */*" },
      body,
      timeoutMs: seconds * 1000,
      ca: caBundle ? Buffer.from(caBundle, "base64").toString() : undefined,
      serverName,
    });
    status = response.status;
    text = new TextDecoder().decode(await readBody(response.body, MAX_ANSWER_BYTES));
  } catch (error) {
    throw failed(`Post ${JSON.stringify(`${shown}?${timeout}`)}: ${describeNetworkError(error)}`);
  }
  const answer = jsonObjectOf(text);
  if (answer?.kind === "Status" && typeof answer.message === "string") throw failed(answer.message);
  if (status < 200 || status > 206) throw failed(statusProblem(status, text.trim()));
  if (answer === undefined) throw failed(text === "" ? EMPTY : NO_OBJECT);
  if (answer.apiVersion?.startsWith(`${GROUP}/`) && answer.kind !== "AdmissionReview")
    throw failed(
      `no kind ${JSON.stringify(answer.kind ?? "")} is registered for version ${JSON.stringify(answer.apiVersion)} in ` +
        'scheme "pkg/runtime/scheme.go:111"',
    );
  return answer;
}

const EMPTY = "0-length response with status code: 200 and content type: application/json";
const NO_OBJECT =
  "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct " +
  '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function jsonObjectOf(text: string): (Review & { message?: unknown }) | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `apierrors.NewGenericServerResponse`. */
function statusProblem(status: number, text: string): string {
  if (status === 404) return "the server could not find the requested resource";
  if (status === 503) return "the server is currently unable to handle the request";
  const told = JSON.stringify(text.slice(0, MAX_TOLD) || "unknown");
  return `an error on the server (${told}) has prevented the request from succeeding`;
}

/** Where a webhook is, and its URL as errors have it. */
function placeOf({ store }: ApiContext, { clientConfig: { url, service } }: Webhook, timeout: string) {
  if (url !== undefined) return { url, shown: url };
  const { namespace, name, path = "", port = HTTPS_PORT } = service!;
  const serverName = `${name}.${namespace}.svc`;
  const suffix = path === "" || path.startsWith("/") ? path : `/${path}`;
  const shown = `https://${serverName}:${port}${suffix}`;
  try {
    const target = serviceEndpoint(store, namespace, name, port);
    return { url: `https://${target.host}:${target.port}${suffix}`, shown, serverName };
  } catch (error) {
    if (!isStatus(error)) throw error;
    const problem = error.message.replace(/^services /, "service ");
    throw new WebhookFailure(`failed to call webhook: Post "${shown}?${timeout}": ${problem}`);
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
