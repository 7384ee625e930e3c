/** Query parameters and `DeleteOptions` as the options of operations. */
import type { DeleteOptions, ListOptions, PropagationPolicy } from "../../../model/kubernetes-api.ts";
import { type StatusCause, statusError } from "../../../model/kubernetes-status.ts";
import { invalidValue, notSupported } from "../field-error.ts";
import type { UpdateOptions } from "../operations/update.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
import { invalid } from "../validate-object.ts";
import { isTrue, type RequestInfo } from "./request-info.ts";

const POLICIES = ["Orphan", "Background", "Foreground"];

export function listOptionsOf({ query, namespace }: RequestInfo): ListOptions {
  return {
    namespace,
    labelSelector: query.get("labelSelector") ?? undefined,
    fieldSelector: query.get("fieldSelector") ?? undefined,
    limit: query.has("limit") ? wholeNumber("limit", query.get("limit")!) : undefined,
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
  const policy =
    query.get("propagationPolicy") ?? options.propagationPolicy ?? orphanPolicy(options.orphanDependents);
  if (policy !== undefined && !POLICIES.includes(String(policy))) {
    throw invalidOptions(
      "DeleteOptions",
      notSupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"]),
    );
  }
  if (options.orphanDependents !== undefined && options.propagationPolicy !== undefined) {
    const problem = "orphanDependents and deletionPropagation cannot be both set";
    throw invalidOptions("DeleteOptions", invalidValue("propagationPolicy", policy, problem));
  }
  const grace = query.has("gracePeriodSeconds")
    ? wholeNumber("gracePeriodSeconds", query.get("gracePeriodSeconds")!)
    : options.gracePeriodSeconds;
  return {
    dryRun: isDryRun(
      [...query.getAll("dryRun"), ...((options.dryRun as string[] | undefined) ?? [])],
      "DeleteOptions",
    ),
    propagationPolicy: policy as PropagationPolicy | undefined,
    gracePeriodSeconds: typeof grace === "number" ? grace : undefined,
    preconditions: (options.preconditions as DeleteOptions["preconditions"]) ?? undefined,
  };
}

function orphanPolicy(orphan: unknown): PropagationPolicy | undefined {
  return orphan === undefined ? undefined : orphan ? "Orphan" : "Background";
}

export function wholeNumber(name: string, text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) {
    throw statusError(
      "BadRequest",
      `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (${name})`,
    );
  }
  return Number(text);
}
