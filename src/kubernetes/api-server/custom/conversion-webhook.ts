/**
 * One call of a conversion webhook: a ConversionReview is sent and comes back (`apiextensions.k8s.io`, versions v1 and
 * v1beta1; `apiextensions-apiserver/pkg/apiserver/conversion`).
 */
import { randomUuid } from "../../../base/random.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { internalFailure } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { deepEqual } from "../deep-equal.ts";
import { checkAnnotations, checkLabels } from "../kinds/field-rules.ts";
import { deepFreeze } from "../object-store.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import type { ConversionWebhook } from "../resource-info.ts";
import { postToWebhook, WebhookFailure } from "../webhook-client.ts";

const GROUP = "apiextensions.k8s.io";
const KNOWN_VERSIONS = ["v1", "v1beta1"];
const TIMEOUT_SECONDS = 30;

interface Review {
  apiVersion?: string;
  kind?: string;
  response?: {
    uid?: string;
    result?: { status?: string; message?: string };
    convertedObjects?: unknown[];
  };
}

/**
 * The objects in that version, frozen.
 *
 * @throws KubernetesError 500
 */
export async function askConversion(
  context: ApiContext,
  { clientConfig, conversionReviewVersions }: ConversionWebhook,
  desiredAPIVersion: string,
  objects: readonly KubernetesObject[],
): Promise<KubernetesObject[]> {
  const [{ apiVersion: from = "", kind }] = objects;
  const fail = (problem: string) =>
    internalFailure(`conversion webhook for ${from}, Kind=${kind} ${problem}`);
  const version = conversionReviewVersions.find((each) => KNOWN_VERSIONS.includes(each));
  if (version === undefined) throw internalFailure("no supported conversion review versions");
  const apiVersion = `${GROUP}/${version}`;
  const uid = randomUuid(context.random);
  const review = { kind: "ConversionReview", apiVersion, request: { uid, desiredAPIVersion, objects } };
  let results: unknown[];
  try {
    const answer = await postToWebhook<Review>(context, clientConfig, {
      kind: "ConversionReview",
      group: GROUP,
      body: JSON.stringify(review),
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    results = resultsOf(answer, version === "v1" ? { apiVersion, uid } : undefined);
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    throw fail(`failed: ${error.message}`);
  }
  if (results.length !== objects.length)
    throw fail(`returned ${results.length} objects, expected ${objects.length}`);
  return results.map((result, index) => {
    const {
      object,
      what = "object",
      isWhole,
      problem,
    } = acceptedResult(objects[index], result, desiredAPIVersion);
    if (object !== undefined) return deepFreeze(object);
    const at = isWhole || objects.length > 1 ? ` at index ${index}` : "";
    throw fail(`returned invalid ${what}${at}: ${problem}`);
  });
}

/** @param sent of version v1, which has to come back as it went */
function resultsOf(
  { apiVersion, kind, response }: Review,
  sent: { apiVersion: string; uid: string } | undefined,
): unknown[] {
  if (sent !== undefined && (apiVersion !== sent.apiVersion || kind !== "ConversionReview")) {
    const got = `${apiVersion ?? "/"}, Kind=${kind ?? ""}`;
    throw new WebhookFailure(
      `expected webhook response of ${sent.apiVersion}, Kind=ConversionReview, got ${got}`,
    );
  }
  if (response === undefined || response === null) throw new WebhookFailure("no response provided");
  if (sent !== undefined && response.uid !== sent.uid) {
    const [wanted, got] = [sent.uid, response.uid ?? ""].map((text) => JSON.stringify(text));
    throw new WebhookFailure(`expected response.uid=${wanted}, got ${got}`);
  }
  const { status = "", message } = response.result ?? {};
  if (status === "Success") return response.convertedObjects ?? [];
  throw new WebhookFailure(message || `response.result.status was '${status}', not 'Success'`);
}

interface Result {
  object?: KubernetesObject;
  problem?: string;
  /** What is wrong: the object, or its metadata. */
  what?: string;
  /** It is another object than the one that was asked for. */
  isWhole?: boolean;
}

/** What identifies an object stays, and so does its metadata but for labels and annotations. */
function acceptedResult(original: KubernetesObject, result: unknown, apiVersion: string): Result {
  if (!isJsonObject(result)) return { problem: "Object 'Kind' is missing" };
  const differs = (what: string, expected: unknown, received: unknown): Result => ({
    isWhole: true,
    problem: `invalid ${what} (expected ${expected}, received ${received})`,
  });
  if (result.apiVersion !== apiVersion) return differs("groupVersion", apiVersion, result.apiVersion);
  if (result.kind !== original.kind) return differs("kind", original.kind, result.kind);
  const metadata = isJsonObject(result.metadata) ? result.metadata : {};
  for (const [field, shown] of Object.entries({ name: "name", namespace: "namespace", uid: "UID" })) {
    const [wanted, got] = [original.metadata, metadata].map(
      (each) => (each as Record<string, unknown>)[field] ?? "",
    );
    if (wanted !== got) return { problem: `must have the same ${shown}: ${wanted} != ${got}` };
  }
  const { labels: _, annotations: __, ...kept } = structuredClone(original.metadata);
  const { labels, annotations } = metadata as Record<"labels" | "annotations", unknown>;
  for (const [field, value] of Object.entries({ labels, annotations })) {
    const problem = textsProblem(field, value, original.metadata[field as "labels"]);
    if (problem !== undefined) return { what: "metadata", problem };
  }
  const object = {
    ...result,
    metadata: { ...kept, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
  };
  return { object: object as unknown as KubernetesObject };
}

function textsProblem(field: string, value: unknown, original: unknown): string | undefined {
  if (value === undefined || value === null || deepEqual(value, original)) return undefined;
  if (!isJsonObject(value)) return `invalid metadata.${field} in converted object`;
  const wrong = Object.entries(value).find(([, text]) => typeof text !== "string");
  if (wrong !== undefined) return `metadata.${field}[${wrong[0]}] must be a string`;
  const check = field === "labels" ? checkLabels : checkAnnotations;
  const at = field === "labels" ? "metadata.labels" : "metadata.annotation";
  const [cause] = check(at, value as Record<string, string>);
  return cause && `${cause.field}: ${cause.message}`;
}
