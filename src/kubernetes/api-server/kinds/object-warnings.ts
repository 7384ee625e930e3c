/** What clients are told of an object that is taken all the same (upstream `WarningsOnCreate`, `WarningsOnUpdate`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { dnsLabelProblem } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { podWarnings } from "./pod-warnings.ts";

// biome-ignore lint/suspicious/noExplicitAny: the spec of any kind
type Spec = any;

/** Where a kind keeps its pod template, and the path that warnings give it. */
const TEMPLATES: Record<string, [of: (spec: Spec) => Spec, path: string]> = {
  "apps/daemonsets": [(spec) => spec?.template, "spec.template"],
  "apps/deployments": [(spec) => spec?.template, "spec.template"],
  "apps/replicasets": [(spec) => spec?.template, "spec.template"],
  "apps/statefulsets": [(spec) => spec?.template, "spec.template"],
  "batch/jobs": [(spec) => spec?.template, "spec.template"],
  "batch/cronjobs": [(spec) => spec?.jobTemplate?.spec?.template, "spec.jobTemplate.spec.template"],
  "/replicationcontrollers": [(spec) => spec?.template, "spec.template"],
};

/** Kinds whose names become host names. */
const HOSTED: Record<string, string> = {
  "/pods": "the Pod's hostname",
  "apps/deployments": "Pod names and hostnames",
  "apps/replicasets": "Pod names and hostnames",
  "batch/jobs": "Pod names and hostnames",
  "batch/cronjobs": "Pod names and hostnames",
  "/replicationcontrollers": "Pod names and hostnames",
};

export function objectWarnings(
  { collection }: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
): string[] {
  const warnings: string[] = [];
  const problem = HOSTED[collection] === undefined ? undefined : hostNameProblem(object.metadata.name);
  if (previous === undefined && problem !== undefined)
    warnings.push(
      `metadata.name: this is used in ${HOSTED[collection]}, which can result in surprising behavior; a DNS label is ` +
        `recommended: [${problem}]`,
    );
  if (collection === "/pods" && previous === undefined) warnings.push(...podWarnings(object, ""));
  const template = TEMPLATES[collection];
  if (template !== undefined) {
    const [of, path] = template;
    const isSame = previous !== undefined && deepEqual(object.spec, previous.spec);
    if (!isSame) warnings.push(...podWarnings(of(object.spec) ?? {}, path));
  }
  if (collection === "apps/statefulsets" && object.spec?.revisionHistoryLimit < 0)
    warnings.push(
      "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
    );
  if (
    collection === "storage.k8s.io/csidrivers" &&
    (object.spec?.tokenRequests ?? []).length > 0 &&
    object.spec?.serviceAccountTokenInSecrets === undefined
  )
    warnings.push(
      "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible " +
        "logging of tokens in volume attributes",
    );
  if (collection === "/services") warnings.push(...serviceWarnings(object.spec ?? {}));
  if (
    collection === "networking.k8s.io/ingresses" &&
    previous === undefined &&
    object.metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined
  )
    warnings.push(
      `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
    );
  return warnings;
}

function serviceWarnings(spec: Spec): string[] {
  const { clusterIP, loadBalancerIP, externalIPs = [], sessionAffinity } = spec;
  const warnings: string[] = [];
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  if (clusterIP !== "None") return warnings;
  if (loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
  if (externalIPs.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
  if ((sessionAffinity ?? "None") !== "None")
    warnings.push("spec.SessionAffinity is ignored for headless services");
  return warnings;
}

function hostNameProblem(name: string): string | undefined {
  return name.includes(".") ? "must not contain dots" : dnsLabelProblem(name);
}
