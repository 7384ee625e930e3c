/** Query parameters and `DeleteOptions` as the options of operations. */
import type { DeleteOptions, ListOptions, PropagationPolicy } from "../../../model/kubernetes-api.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import type { UpdateOptions } from "../operations/update.ts";
import { isJsonObject } from "../patch/merge-patch.ts";
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

export function writeOptionsOf(
  { query, subresource }: RequestInfo,
  headers: Record<string, string>,
  warn: (text: string) => void,
): UpdateOptions {
  return {
    subresource,
    dryRun: isDryRun(query.getAll("dryRun")),
    fieldManager: query.get("fieldManager") || managerOf(headers["user-agent"]),
    fieldValidation: fieldValidationOf(query.get("fieldValidation")),
    force: isTrue(query.get("force")),
    warn,
  };
}

/** `kubectl/v1.32.4 (linux/amd64) kubernetes/…` → `kubectl`. */
function managerOf(userAgent: string | undefined): string {
  return (userAgent ?? "").split("/")[0].slice(0, 128) || "unknown";
}

function isDryRun(values: string[]): boolean {
  for (const value of values) {
    if (value === "" || value === "All") continue;
    throw statusError(
      "Invalid",
      `DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`,
    );
  }
  return values.includes("All");
}

function fieldValidationOf(value: string | null): "Ignore" | "Warn" | "Strict" {
  if (value === null || value === "") return "Warn";
  if (value === "Ignore" || value === "Warn" || value === "Strict") return value;
  throw statusError(
    "Invalid",
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}

export function deleteOptionsOf({ query }: RequestInfo, body: unknown): DeleteOptions {
  const options =
    isJsonObject(body) && (body.kind === undefined || body.kind === "DeleteOptions") ? body : {};
  const policy =
    query.get("propagationPolicy") ?? options.propagationPolicy ?? orphanPolicy(options.orphanDependents);
  if (policy !== undefined && !POLICIES.includes(String(policy))) {
    throw statusError(
      "Invalid",
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: ` +
        'supported values: "Foreground", "Background", "Orphan", "nil"',
    );
  }
  const grace = query.has("gracePeriodSeconds")
    ? wholeNumber("gracePeriodSeconds", query.get("gracePeriodSeconds")!)
    : options.gracePeriodSeconds;
  return {
    dryRun: isDryRun([...query.getAll("dryRun"), ...((options.dryRun as string[] | undefined) ?? [])]),
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
