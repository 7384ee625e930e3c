/** Checks of namespaces, nodes, ConfigMaps, Secrets, quotas and limits (`pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { labelValueProblems } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-error.ts";
import {
  checkAddressRange,
  checkOneOf,
  checkQualifiedName,
  checkText,
  configKeyProblem,
} from "./field-rules.ts";
import { checkWhole, notBelowZero } from "./resource-validation.ts";
import { TAINT_EFFECTS } from "./scheduling-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const STANDARD_FINALIZERS = ["kubernetes", "orphan", "foregroundDeletion"];

export function validateNamespace({ spec }: KubernetesObject): StatusCause[] {
  return (spec?.finalizers ?? []).flatMap((name: string) => {
    const causes = checkQualifiedName("spec.finalizers", name);
    if (name.includes("/") || STANDARD_FINALIZERS.includes(name)) return causes;
    const problem = "name is neither a standard finalizer name nor is it fully qualified";
    return [...causes, invalidValue("spec.finalizers", name, problem)];
  });
}

export function validateNode(node: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec, status } = node;
  const ranges: string[] = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
  const causes = ranges.flatMap((range, index) => checkAddressRange(`spec.podCIDRs[${index}]`, range));
  if (ranges.length > 1 && new Set(ranges.map((range) => range.includes(":"))).size < ranges.length)
    causes.push(
      invalidValue("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family"),
    );
  const amounts = ["capacity", "allocatable"].flatMap((list) =>
    Object.entries<string>(status?.[list] ?? {}).flatMap(([name, quantity]) =>
      checkWhole(`status.${list}.${name}`, name, quantity),
    ),
  );
  causes.unshift(...validateAvoidedPods(node), ...validateTaints(spec));
  const swap = status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined && swap <= 0)
    amounts.push(invalidValue("metadata.nodeSwapStatus.capacity", swap, "must be greater than zero"));
  if (previous === undefined) return [...causes, ...amounts];
  const before = previous.spec ?? {};
  const fixed = (field: string, what: string) =>
    forbiddenField(`spec.${field}`, `node updates may not change ${what} except from "" to valid`);
  const old: string[] = before.podCIDRs ?? (before.podCIDR ? [before.podCIDR] : []);
  if (old.length > 0 && !deepEqual(old, ranges)) causes.push(fixed("podCIDRs", "podCIDR"));
  if (before.providerID && before.providerID !== spec?.providerID)
    causes.push(fixed("providerID", "providerID"));
  return causes;
}

const AVOIDED_PODS = "scheduler.alpha.kubernetes.io/preferAvoidPods";

/** An annotation that nobody reads any more is still checked (`ValidateAvoidPodsInNodeAnnotations`). */
function validateAvoidedPods({ metadata }: KubernetesObject): StatusCause[] {
  const text = metadata.annotations?.[AVOIDED_PODS];
  if (text === undefined) return [];
  let entries: Anything[];
  try {
    entries = JSON.parse(text).preferAvoidPods ?? [];
  } catch {
    return [invalidValue("metadata.annotations.AvoidPods", AVOIDED_PODS, "unexpected end of JSON input")];
  }
  return entries.flatMap(({ podSignature }, index) => {
    const at = `metadata.annotations.${AVOIDED_PODS}[${index}].PodSignature`;
    const controller = podSignature?.podController;
    if (controller === undefined) return [required(at)];
    if (controller.controller) return [];
    return [invalidValue(`${at}.PodController.Controller`, false, "must point to a controller")];
  });
}

function validateTaints(spec: Anything): StatusCause[] {
  const taken = new Set<string>();
  return (spec?.taints ?? []).flatMap((taint: Anything, index: number) => {
    const at = `metadata.taints[${index}]`;
    const causes = checkQualifiedName(`${at}.key`, taint.key);
    // These are told as one.
    const valueProblem = (text: string) => labelValueProblems(text).join(";") || undefined;
    causes.push(...checkText(`${at}.value`, taint.value, valueProblem));
    causes.push(
      ...(taint.effect
        ? checkOneOf(`${at}.effect`, taint.effect, TAINT_EFFECTS)
        : [required(`${at}.effect`)]),
    );
    const key = `${taint.key}:${taint.effect}`;
    if (taken.has(key)) {
      const { value = "", timeAdded = null } = taint;
      causes.push(
        duplicate(
          at,
          { Key: taint.key, Value: value, Effect: taint.effect, TimeAdded: timeAdded },
          "taints must be unique by key and effect pair",
        ),
      );
    }
    taken.add(key);
    return causes;
  });
}

interface Data extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
  type?: string;
}

/** As etcd's limit on an object. */
export const MAX_DATA_BYTES = 1024 * 1024;

function validateChange(object: Data, previous: Data | undefined): StatusCause[] {
  if (previous?.immutable !== true) return [];
  const problem = "field is immutable when `immutable` is set";
  const causes = object.immutable ? [] : [forbiddenField("immutable", problem)];
  for (const field of ["data", "binaryData"] as const)
    if (!deepEqual(object[field], previous[field])) causes.push(forbiddenField(field, problem));
  return causes;
}

function tooLong(field: string): StatusCause {
  return {
    reason: "FieldValueTooLong",
    field,
    message: `Too long: may not be more than ${MAX_DATA_BYTES} bytes`,
  };
}

const bytesOf = (base64: string) => Math.floor((base64.replace(/=+$/, "").length * 3) / 4);

export function validateConfigMap(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { data = {}, binaryData = {} } = object as Data;
  let size = 0;
  const causes = Object.entries(data).flatMap(([key, value]) => {
    size += Buffer.byteLength(value);
    const found = checkText(`data[${key}]`, key, configKeyProblem);
    if (Object.hasOwn(binaryData, key))
      found.push(invalidValue(`data[${key}]`, key, "duplicate of key present in binaryData"));
    return found;
  });
  for (const [key, value] of Object.entries(binaryData)) {
    size += bytesOf(value);
    causes.push(...checkText(`binaryData[${key}]`, key, configKeyProblem));
  }
  if (size > MAX_DATA_BYTES) causes.push(tooLong("[]"));
  return [...causes, ...validateChange(object as Data, previous as Data | undefined)];
}

/** What a Secret of a type must have. */
const REQUIRED_KEYS: Record<string, string[]> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

export function validateSecret(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const [secret, old] = [object as Data, previous as Data | undefined];
  const { data = {}, type = "", metadata } = secret;
  let size = 0;
  const causes = Object.entries(data).flatMap(([key, value]) => {
    size += bytesOf(value);
    return checkText(`data[${key}]`, key, configKeyProblem);
  });
  if (size > MAX_DATA_BYTES) causes.push(tooLong("data"));
  const missing = (REQUIRED_KEYS[type] ?? []).filter((key) => !Object.hasOwn(data, key));
  causes.push(...missing.map((key) => required(`data[${key}]`)));
  if (
    missing.length === 0 &&
    (type === "kubernetes.io/dockerconfigjson" || type === "kubernetes.io/dockercfg")
  )
    causes.push(...validateJson(`data[${REQUIRED_KEYS[type][0]}]`, data[REQUIRED_KEYS[type][0]]));
  if (type === "kubernetes.io/basic-auth" && !("username" in data) && !("password" in data))
    causes.push(required("data[username]"), required("data[password]"));
  if (type === "kubernetes.io/service-account-token" && !metadata.annotations?.[ACCOUNT_NAME])
    causes.push(required(`metadata.annotations[${ACCOUNT_NAME}]`));
  if (old !== undefined && type !== old.type) causes.push(invalidValue("type", type, "field is immutable"));
  return [...causes, ...validateChange(secret, old)];
}

const ACCOUNT_NAME = "kubernetes.io/service-account.name";

/** Never quotes what is in the Secret, but for its first character, as Go does. */
function validateJson(field: string, base64: string): StatusCause[] {
  const text = Buffer.from(base64, "base64").toString();
  try {
    JSON.parse(text);
    return [];
  } catch {
    const problem =
      text.trim() === ""
        ? "unexpected end of JSON input"
        : `invalid character '${text.trimStart()[0]}' looking for beginning of value`;
    return [invalidValue(field, "<secret contents redacted>", problem)];
  }
}

const COUNTED = new Set([
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);
const MEASURED = /^((requests|limits)\.)?(cpu|memory|ephemeral-storage|hugepages-.+)$|^requests\.storage$/;
const SCOPES = [
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "CrossNamespacePodAffinity",
  "VolumeAttributesClass",
];

export function validateQuota({ spec = {} }: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const causes = Object.entries<string>(spec.hard ?? {}).flatMap(([name, quantity]) => {
    const at = `spec.hard[${name}]`;
    const isKnown = COUNTED.has(name) || MEASURED.test(name) || name.includes("/");
    const found = isKnown
      ? checkQualifiedName(at, name)
      : ["must be a standard resource type or fully qualified", "must be a standard resource for quota"].map(
          (problem) => invalidValue(at, name, problem),
        );
    found.push(...notBelowZero(at, quantity));
    const isWhole = Number.isInteger(parseQuantity(quantity));
    if ((COUNTED.has(name) || name.startsWith("count/")) && !isWhole)
      found.push(invalidValue(at, quantity, "must be an integer"));
    return found;
  });
  causes.push(...scopeProblems(spec.scopes ?? [], Object.keys(spec.hard ?? {})));
  causes.push(...scopeSelectorProblems(spec.scopeSelector?.matchExpressions ?? []));
  const before: string[] = previous?.spec?.scopes ?? [];
  const isSame =
    before.length === (spec.scopes ?? []).length && before.every((scope) => spec.scopes.includes(scope));
  if (previous !== undefined && !isSame)
    causes.push(invalidValue("spec.scopes", spec.scopes ?? null, "field is immutable"));
  return causes;
}

const QUOTA_SCOPES = [
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "CrossNamespacePodAffinity",
  "VolumeAttributesClass",
];

function scopeSelectorProblems(expressions: Anything[]): StatusCause[] {
  const at = "spec.scopeSelector.matchExpressions";
  return expressions.flatMap(({ scopeName = "", operator = "", values = [] }) => {
    const causes: StatusCause[] = [];
    if (!QUOTA_SCOPES.includes(scopeName))
      causes.push(invalidValue(`${at}.scopeName`, scopeName, "unsupported scope"));
    const takesValues = ["PriorityClass", "VolumeAttributesClass"].includes(scopeName);
    if (QUOTA_SCOPES.includes(scopeName) && !takesValues && operator !== "Exists")
      causes.push(invalidValue(`${at}.operator`, operator, SCOPE_OPERATOR_PROBLEM));
    if (["In", "NotIn"].includes(operator)) {
      const problem = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) causes.push(required(`${at}.values`, problem));
    } else if (["Exists", "DoesNotExist"].includes(operator)) {
      const problem = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) causes.push(invalidValue(`${at}.values`, values, problem));
    } else causes.push(invalidValue(`${at}.operator`, operator, "not a valid selector operator"));
    return causes;
  });
}

const SCOPE_OPERATOR_PROBLEM =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, " +
  "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

/** What of a pod is counted whether or not it says what it needs. */
const POD_RESOURCES = /^(pods|(requests\.|limits\.)?(cpu|memory))$/;

function scopeProblems(scopes: string[], resources: string[]): StatusCause[] {
  const problem = (text: string) => invalidValue("spec.scopes", scopes, text);
  const causes = scopes.flatMap((scope) => {
    if (!SCOPES.includes(scope)) return [problem("unsupported scope")];
    const isMeant = (name: string) => (scope === "BestEffort" ? name === "pods" : POD_RESOURCES.test(name));
    return resources
      .filter((name) => (COUNTED.has(name) || MEASURED.test(name)) && !isMeant(name))
      .map(() => problem("unsupported scope applied to resource"));
  });
  for (const pair of [
    ["BestEffort", "NotBestEffort"],
    ["Terminating", "NotTerminating"],
  ]) {
    if (pair.every((scope) => scopes.includes(scope))) causes.push(problem("conflicting scopes"));
  }
  return causes;
}
