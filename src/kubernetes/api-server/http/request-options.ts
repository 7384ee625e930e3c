/** Query parameters and `DeleteOptions` as the options of operations. */
import type {
  DeleteOptions,
  ListOptions,
  PropagationPolicy,
  WatchOptions,
} from "../../../model/kubernetes-api.ts";
import { internalFailure, type StatusCause, statusError } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue, notSupported } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import type { UpdateOptions } from "../operations/update.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { isTrue, type RequestInfo } from "./request-info.ts";

const POLICIES = ["Orphan", "Background", "Foreground"];

const MATCH = "resourceVersionMatch";

/** What `resourceVersion` and `resourceVersionMatch` may say together (apimachinery `ValidateListOptions`). */
function checkVersionMatch(query: URLSearchParams, isWatch: boolean): void {
  const match = query.get(MATCH) ?? "";
  const version = query.get("resourceVersion") ?? "";
  const isInitial = query.has("sendInitialEvents");
  const causes: StatusCause[] = [];
  const refuse = (problem: string, field = MATCH) => causes.push(forbiddenField(field, problem));
  if (isWatch) {
    if (isInitial && match !== "NotOlderThan")
      refuse("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (match !== "" && !isInitial)
      refuse("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (match !== "" && match !== "NotOlderThan") causes.push(notSupported(MATCH, match, ["NotOlderThan"]));
    if (match !== "" && query.get("continue"))
      refuse("resourceVersionMatch is forbidden when continue is provided");
  } else {
    if (match !== "" && version === "")
      refuse("resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (match !== "" && query.get("continue"))
      refuse("resourceVersionMatch is forbidden when continue is provided");
    if (!["", "Exact", "NotOlderThan"].includes(match))
      causes.push(notSupported(MATCH, match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && version === "0")
      refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    if (isInitial) refuse("sendInitialEvents is forbidden for list", "sendInitialEvents");
  }
  if (causes.length > 0) throw invalid({ kind: "ListOptions", group: "meta.k8s.io" }, "", causes);
}

/**
 * The version that a list asks for, when it is one to wait for or to go back to.
 *
 * @param current the latest version there is
 * @throws KubernetesError 400, or 504 for a version of the future
 */
function listVersion({ query }: RequestInfo, current: number): number | undefined {
  const text = query.get("resourceVersion") ?? "";
  if (text === "" || text === "0") return undefined;
  if (!/^\d{1,20}$/.test(text)) {
    const problem = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw statusError(
      "BadRequest",
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: ${problem}`,
    );
  }
  if (Number(text) > current) {
    const causes = [
      { reason: "ResourceVersionTooLarge", message: "Too large resource version" },
    ] as StatusCause[];
    throw statusError("Timeout", `Timeout: Too large resource version: ${text}, current: ${current}`, {
      causes,
      retryAfterSeconds: 1,
    });
  }
  return query.get(MATCH) === "Exact" ? Number(text) : undefined;
}

/** @param current the latest version there is */
export function listOptionsOf(info: RequestInfo, current: number): ListOptions {
  checkVersionMatch(info.query, false);
  return {
    ...selectionOf(info),
    // What any version will do for comes from the cache, which has no pages.
    ...(info.query.get("resourceVersion") === "0" && !info.query.get("continue") && { limit: undefined }),
    exactVersion: info.query.get("continue") ? undefined : listVersion(info, current),
  };
}

export function watchOptionsOf(info: RequestInfo): WatchOptions {
  const { query } = info;
  checkVersionMatch(query, true);
  const initial = query.get("sendInitialEvents");
  const version = query.get("resourceVersion") ?? "";
  if (!/^\d{0,20}$/.test(version)) {
    const given = JSON.stringify(version);
    const problem = `strconv.ParseUint: parsing ${given}: invalid syntax`;
    throw internalFailure(`resourceVersion: Invalid value: ${given}: ${problem}`);
  }
  return {
    ...selectionOf(info),
    resourceVersion: query.get("resourceVersion") ?? undefined,
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
  };
}

function selectionOf({ query, namespace }: RequestInfo): ListOptions {
  return {
    namespace,
    labelSelector: query.get("labelSelector") ?? undefined,
    fieldSelector: query.get("fieldSelector") ?? undefined,
    limit: query.has("limit") ? wholeNumber(query.get("limit")!) : undefined,
    continue: query.get("continue") || undefined,
  };
}

const OPTIONS_KINDS: Record<string, string> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

/** Options are an object themselves, with a name of "". */
function invalidOptions(kind: string, cause: StatusCause) {
  return invalid({ kind, group: "meta.k8s.io" }, "", [cause]);
}

/** As many characters a manager's name has at most. */
export const MAX_FIELD_MANAGER_LENGTH = 128;

export function writeOptionsOf(
  { query, subresource, verb }: RequestInfo,
  headers: Record<string, string>,
  warn: (text: string) => void,
): UpdateOptions {
  const kind = OPTIONS_KINDS[verb];
  const fieldManager = query.get("fieldManager") ?? "";
  if (fieldManager.length > MAX_FIELD_MANAGER_LENGTH)
    throw invalidOptions(kind, {
      reason: "FieldValueTooLong",
      field: "fieldManager",
      message: `Too long: may not be more than ${MAX_FIELD_MANAGER_LENGTH} bytes`,
    });
  return {
    subresource,
    dryRun: isDryRun(query.getAll("dryRun"), kind),
    fieldManager: fieldManager || managerOf(headers["user-agent"]),
    fieldValidation: fieldValidationOf(query.get("fieldValidation"), kind),
    force: isTrue(query.get("force")),
    warn,
  };
}

/** `kubectl/v1.32.4 (linux/amd64) kubernetes/…` → `kubectl`. */
function managerOf(userAgent: string | undefined): string {
  return (userAgent ?? "").split("/")[0].slice(0, 128) || "unknown";
}

function isDryRun(values: string[], kind: string): boolean {
  const given = values.filter((value) => value !== "");
  if (given.some((value) => value !== "All"))
    throw invalidOptions(kind, notSupported("dryRun", given, ["All"]));
  return given.length > 0;
}

const FIELD_VALIDATION = ["", "Ignore", "Strict", "Warn"];

function fieldValidationOf(value: string | null, kind: string): "Ignore" | "Warn" | "Strict" {
  if (value === null || value === "") return "Warn";
  if (value === "Ignore" || value === "Warn" || value === "Strict") return value;
  throw invalidOptions(kind, notSupported("fieldValidation", value, FIELD_VALIDATION));
}

export function deleteOptionsOf({ query }: RequestInfo, body: unknown): DeleteOptions {
  const options = isJsonObject(body) ? body : {};
  if (options.kind !== undefined && options.kind !== "DeleteOptions") {
    const [kind, version] = [options.kind, options.apiVersion ?? "v1"].map((text) => JSON.stringify(text));
    const where = `version ${version} in scheme "pkg/runtime/scheme.go:111"`;
    throw statusError("BadRequest", `no kind ${kind} is registered for ${where}`);
  }
  const read = body === undefined ? optionsOf(query) : options;
  const { propagationPolicy, orphanDependents, gracePeriodSeconds: grace } = read;
  const policy = propagationPolicy ?? orphanPolicy(orphanDependents);
  if (policy !== undefined && !POLICIES.includes(String(policy))) {
    throw invalidOptions(
      "DeleteOptions",
      notSupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"]),
    );
  }
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    const problem = "orphanDependents and deletionPropagation cannot be both set";
    throw invalidOptions("DeleteOptions", invalidValue("propagationPolicy", policy, problem));
  }
  return {
    dryRun: isDryRun((read.dryRun as string[] | undefined) ?? [], "DeleteOptions"),
    propagationPolicy: policy as PropagationPolicy | undefined,
    gracePeriodSeconds: typeof grace === "number" ? grace : undefined,
    preconditions: (read.preconditions as DeleteOptions["preconditions"]) ?? undefined,
  };
}

/** What a request without a body says of a deletion; one with a body says everything there. */
function optionsOf(query: URLSearchParams): Record<string, unknown> {
  const orphan = query.get("orphanDependents");
  return {
    propagationPolicy: query.get("propagationPolicy") ?? undefined,
    orphanDependents: orphan === null ? undefined : isTrue(orphan),
    gracePeriodSeconds: query.has("gracePeriodSeconds")
      ? wholeNumber(query.get("gracePeriodSeconds")!)
      : undefined,
    dryRun: query.getAll("dryRun"),
  };
}

function orphanPolicy(orphan: unknown): PropagationPolicy | undefined {
  return orphan === undefined ? undefined : orphan ? "Orphan" : "Background";
}

export function wholeNumber(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) {
    throw statusError("BadRequest", `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
