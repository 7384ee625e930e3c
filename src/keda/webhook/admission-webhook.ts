/**
 * KEDA's validating webhooks (keda `cmd/webhooks`, controller-runtime `pkg/webhook/admission`): the API server asks
 * before it takes a ScaledObject, a ScaledJob, a TriggerAuthentication or a ClusterTriggerAuthentication.
 */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../base/log.ts";
import {
  BodyLimitError,
  type HttpHandler,
  type HttpRequest,
  jsonResponse,
  readBody,
  textResponse,
} from "../../base/network.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, parseApiVersion } from "../../model/kubernetes-object.ts";
import { isStatus, notFound, type Status } from "../../model/kubernetes-status.ts";
import type { KedaMetrics } from "../keda-metrics.ts";
import { resolveTarget } from "../scale-target.ts";
import { type ScaledObject, type ScaledObjectSpec, triggersProblem } from "../scaled-object.ts";
import { triggerAuthenticationProblem } from "../trigger-authentication-problem.ts";
import { type AdmissionWorld, admissionProblem, admissionWarnings } from "./admission.ts";

/** What a review may measure: upstream's limit too. */
export const MAX_REVIEW_BYTES = 7 * 1024 * 1024;

const LIMIT_RANGES: GroupVersionResource = { group: "", version: "v1", resource: "limitranges" };

export interface AdmissionWebhookOptions {
  api: KubernetesApi;
  log: Logger;
  metrics: KedaMetrics;
  /** What stands in a namespace, as far as the operator knows. */
  known(namespace: string): { scaledObjects: ScaledObject[]; hpas: KubernetesObject[] };
}

interface Request<T extends KubernetesObject = KubernetesObject> {
  uid: string;
  operation: string;
  object?: T | null;
  oldObject?: T | null;
  dryRun?: boolean;
}

interface Answer {
  allowed: boolean;
  status: Partial<Status>;
  warnings?: string[];
}

const allowed = (warnings: string[] = []): Answer => ({
  allowed: true,
  status: { metadata: {}, code: 200 },
  ...(warnings.length > 0 && { warnings }),
});
const denied = (message: string): Answer => ({
  allowed: false,
  status: { metadata: {}, message, reason: "Forbidden", code: 403 },
});
const badRequest = (message: string): Answer => ({
  allowed: false,
  status: { metadata: {}, message, code: 400 },
});

type Validate = (request: Request<KubernetesObject>) => Answer | Promise<Answer>;

export function admissionWebhookHandler(options: AdmissionWebhookOptions): HttpHandler {
  const authentication: Validate = ({ object, oldObject }) => {
    if (oldObject && isRemovingLastFinalizer(object!, oldObject)) return allowed();
    const problem = triggerAuthenticationProblem(object!.spec ?? {});
    return problem === undefined ? allowed() : denied(problem);
  };
  const paths: Record<string, Validate> = {
    "/validate-keda-sh-v1alpha1-scaledobject": (request) =>
      validateScaledObject(options, request as Request<ScaledObject>),
    "/validate-keda-sh-v1alpha1-scaledjob": ({ object, oldObject }) => {
      if (oldObject && isRemovingLastFinalizer(object!, oldObject)) return allowed();
      const problem = triggersProblem(object!.spec?.triggers);
      return problem === undefined ? allowed() : denied(problem);
    },
    "/validate-keda-sh-v1alpha1-triggerauthentication": authentication,
    "/validate-keda-sh-v1alpha1-clustertriggerauthentication": authentication,
  };
  return async (request) => {
    const [path] = request.target.split("?");
    if (!Object.hasOwn(paths, path)) return textResponse(404, "404 page not found\n");
    const review = await readReview(request);
    if (typeof review === "string") return reviewResponse("", "admission.k8s.io/v1", badRequest(review));
    const { apiVersion } = review;
    return reviewResponse(review.request.uid, apiVersion, await answerOf(paths[path], review.request));
  };
}

function answerOf(validate: Validate, request: Request): Answer | Promise<Answer> {
  const { operation } = request;
  if (operation === "DELETE") return allowed();
  if (operation !== "CREATE" && operation !== "UPDATE") {
    return badRequest(`unknown operation ${JSON.stringify(operation)}`);
  }
  return request.object ? validate(request) : badRequest("there is no content to decode");
}

const reviewResponse = (uid: string, apiVersion: string, answer: Answer) =>
  jsonResponse(200, { kind: "AdmissionReview", apiVersion, response: { uid, ...answer } });

/** The review, or what is wrong with it. */
async function readReview(request: HttpRequest): Promise<{ apiVersion: string; request: Request } | string> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readBody(request.body, MAX_REVIEW_BYTES));
  } catch (error) {
    if (!(error instanceof BodyLimitError)) throw error;
    return `request entity is too large; limit is ${MAX_REVIEW_BYTES} bytes`;
  }
  if (text === "") return "request body is empty";
  const type = request.headers["content-type"] ?? "";
  if (type !== "application/json") return `contentType=${type}, expected application/json`;
  try {
    const { apiVersion, request: asked } = JSON.parse(text);
    if (typeof apiVersion === "string" && typeof asked?.uid === "string")
      return { apiVersion, request: asked };
  } catch (error) {
    return `couldn't get version/kind; json parse error: ${(error as Error).message}`;
  }
  return "couldn't get version/kind; json parse error: the body is no AdmissionReview";
}

/** Of everything but a ScaledObject: the last finalizer goes, and nothing else. */
function isRemovingLastFinalizer(object: KubernetesObject, old: KubernetesObject): boolean {
  const [now, before] = [object, old].map(({ metadata }) => metadata.finalizers?.length ?? 0);
  return now === 0 && before === 1 && isDeepStrictEqual(object.spec, old.spec);
}

async function validateScaledObject(
  options: AdmissionWebhookOptions,
  { operation, object, oldObject, dryRun = false }: Request<ScaledObject>,
): Promise<Answer> {
  const { metadata, spec } = object!;
  if (oldObject) {
    const [now, before] = [object!, oldObject].map((each) => each.metadata.finalizers?.length ?? 0);
    if (now < before && isDeepStrictEqual(spec, oldObject.spec)) return allowed();
  }
  const action = operation === "CREATE" ? "create" : "update";
  const { api, metrics } = options;
  const log = options.log.with({ logger: "scaledobject-validation-webhook" });
  const known = options.known(metadata.namespace!);
  let world: AdmissionWorld;
  try {
    await resolveTarget(api, object!);
    await resolveRivals(api, object!, known);
    world = { ...known, ...(dryRun ? {} : await podTemplateWorld(api, object!)) };
  } catch (error) {
    metrics.validated(metadata.namespace!, action);
    log.error("Failed to parse Group, Version, Kind, Resource from incoming ScaledObject", { error });
    if (!isStatus(error)) return denied((error as Error).message);
    const { kind: _, apiVersion: __, ...status } = error.status;
    return { allowed: false, status };
  }
  const problem = admissionProblem(object!, world);
  metrics.validated(metadata.namespace!, action, problem?.reason);
  if (problem === undefined) return allowed(admissionWarnings(object!));
  log.error("validation error", { name: metadata.name, error: problem.message });
  return denied(problem.message);
}

type TargetReference = ScaledObjectSpec["scaleTargetRef"];

/** What else aims at a workload of that name must be of a kind that exists. @throws Error */
async function resolveRivals(
  api: KubernetesApi,
  { spec }: ScaledObject,
  { scaledObjects, hpas }: { scaledObjects: ScaledObject[]; hpas: KubernetesObject[] },
): Promise<void> {
  for (const rival of [...scaledObjects, ...hpas]) {
    const target: TargetReference = rival.spec.scaleTargetRef;
    if (target.name === spec.scaleTargetRef.name)
      await resolveTarget(api, rival as Pick<ScaledObject, "spec">);
  }
}

/** What a trigger on a resource is measured by. @throws KubernetesError when the workload is missing */
async function podTemplateWorld(
  api: KubernetesApi,
  { metadata, spec }: ScaledObject,
): Promise<Pick<AdmissionWorld, "containers" | "limitRanges">> {
  if (!spec.triggers?.some(({ type }) => type === "cpu" || type === "memory")) return {};
  const { name, apiVersion = "apps/v1", kind = "Deployment" } = spec.scaleTargetRef;
  const { group, version } = parseApiVersion(apiVersion || "apps/v1");
  if (group !== "apps" || version !== "v1") return {};
  const resources = { Deployment: RESOURCES.deployments, StatefulSet: RESOURCES.statefulSets };
  const resource = resources[(kind || "Deployment") as keyof typeof resources];
  if (resource === undefined) return {};
  const { namespace } = metadata;
  const [workload, limitRanges] = await Promise.all([
    api.get<KubernetesObject>(resource, { namespace, name }).catch((error) => {
      // As upstream's cache names what it has not.
      throw isStatus(error, "NotFound") ? notFound({ group, resource: kind || "Deployment" }, name) : error;
    }),
    api.list(LIMIT_RANGES, { namespace }),
  ]);
  return { containers: workload.spec.template?.spec?.containers ?? [], limitRanges: limitRanges.items };
}
