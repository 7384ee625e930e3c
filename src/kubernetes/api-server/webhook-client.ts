/** How a webhook is reached: a POST of JSON, to a URL or to a Service's endpoint (apiserver `util/webhook`). */
import { readBody } from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { ApiContext } from "./api-context.ts";
import { isJsonObject } from "./patch/merge-patch.ts";
import { serviceEndpoint } from "./service-endpoint.ts";

const HTTPS_PORT = 443;
/** What an answer may measure. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** How much of an answer that is no review is told. */
const MAX_TOLD = 2048;

export interface WebhookClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM in base64. */
  caBundle?: string;
}

/** What is sent there. */
export interface WebhookPost {
  /** What asks and is answered: `AdmissionReview` of the group `admission.k8s.io`. */
  kind: string;
  group: string;
  body: string;
  timeoutSeconds: number;
}

/** There is no answer, or none that can be used. */
export class WebhookFailure extends Error {}

/**
 * @returns the review that came back
 * @throws WebhookFailure
 */
export async function postToWebhook<T extends { apiVersion?: string; kind?: string }>(
  context: ApiContext,
  clientConfig: WebhookClientConfig,
  { kind, group, body, timeoutSeconds }: WebhookPost,
): Promise<T> {
  const timeout = `timeout=${timeoutSeconds}s`;
  const { url, shown, serverName } = placeOf(context, clientConfig, timeout);
  let text: string;
  let status: number;
  try {
    const response = await context.network!.fetch(`${url}?${timeout}`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, */*" },
      body,
      timeoutMs: timeoutSeconds * 1000,
      ca: clientConfig.caBundle ? Buffer.from(clientConfig.caBundle, "base64").toString() : undefined,
      serverName,
    });
    status = response.status;
    text = new TextDecoder().decode(await readBody(response.body, MAX_ANSWER_BYTES));
  } catch (error) {
    throw new WebhookFailure(`Post ${JSON.stringify(`${shown}?${timeout}`)}: ${describeNetworkError(error)}`);
  }
  const answer = jsonObjectOf(text);
  if (answer?.kind === "Status" && typeof answer.message === "string")
    throw new WebhookFailure(answer.message);
  if (status < 200 || status > 206) throw new WebhookFailure(statusProblem(status, text.trim()));
  if (answer === undefined) throw new WebhookFailure(text === "" ? EMPTY : NO_OBJECT);
  if (answer.apiVersion?.startsWith(`${group}/`) && answer.kind !== kind)
    throw new WebhookFailure(
      `no kind ${JSON.stringify(answer.kind ?? "")} is registered for version ${JSON.stringify(answer.apiVersion)} in ` +
        'scheme "pkg/runtime/scheme.go:111"',
    );
  return answer as T;
}

const EMPTY = "0-length response with status code: 200 and content type: application/json";
const NO_OBJECT =
  "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct " +
  '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function jsonObjectOf(text: string): { apiVersion?: string; kind?: string; message?: unknown } | undefined {
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
function placeOf({ store }: ApiContext, { url, service }: WebhookClientConfig, timeout: string) {
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
    throw new WebhookFailure(`Post "${shown}?${timeout}": ${problem}`);
  }
}
