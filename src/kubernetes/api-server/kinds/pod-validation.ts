/** Checks of pods and of their templates (`ValidatePodSpec` of `pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { validateContainers, validateInitContainers } from "./container-validation.ts";
import {
  checkAddress,
  checkAnnotations,
  checkLabel,
  checkLabels,
  checkOneOf,
  checkQualifiedName,
  checkRange,
  checkSubdomain,
  checkText,
  searchPathProblem,
} from "./field-rules.ts";
import { goStruct } from "./go-struct.ts";
import { validatePodAnnotations, validateProfilesAgree } from "./pod-annotation-validation.ts";
import { validateWholeResources } from "./pod-resource-validation.ts";
import { MAX_SECONDS, validatePodUpdate } from "./pod-update-validation.ts";
import { validateAffinity, validateTolerations, validateTopologySpread } from "./scheduling-validation.ts";
import { MAX_ID, validateAppArmor, validateSeccomp } from "./security-validation.ts";
import { validateVolumes } from "./volume-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validatePod(pod: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {} } = pod;
  const causes = [...validatePodAnnotations(pod), ...validatePodSpec(spec, "spec", pod.metadata.name)];
  if (previous !== undefined)
    return [...validateMirror(pod, previous), ...causes, ...validatePodUpdate(spec, previous.spec)];
  if ((spec.ephemeralContainers ?? []).length > 0)
    causes.push(forbiddenField("spec.ephemeralContainers", "cannot be set on create"));
  if (spec.nodeName && (spec.schedulingGates ?? []).length > 0)
    causes.push(forbiddenField("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
  return [...causes, ...validateProfilesAgree(pod)];
}

const RESTART_POLICIES = ["Always", "OnFailure", "Never"];
const DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** @param podName "" in templates */
export function validatePodSpec(spec: Anything, path: string, podName = ""): StatusCause[] {
  const volumes = new Set<string>();
  const causes = validateVolumes(spec.volumes ?? [], `${path}.volumes`, volumes, podName);
  const scope = {
    volumes,
    names: new Set<string>(),
    graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
    hostNetwork: spec.hostNetwork === true,
  };
  if ((spec.containers ?? []).length === 0) causes.push(required(`${path}.containers`));
  causes.push(...validateContainers(spec.containers ?? [], `${path}.containers`, scope));
  causes.push(...validateInitContainers(spec.initContainers ?? [], `${path}.initContainers`, scope));
  causes.push(...validateHostPorts(spec.containers ?? [], `${path}.containers`));
  causes.push(...checkOneOf(`${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES));
  causes.push(...checkOneOf(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES));
  causes.push(...checkLabels(`${path}.nodeSelector`, spec.nodeSelector));
  causes.push(...validateSecurity(spec, path));
  if (spec.affinity) causes.push(...validateAffinity(spec.affinity, `${path}.affinity`));
  causes.push(...validateNameResolution(spec, `${path}.dnsConfig`));
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries())
    causes.push(...checkQualifiedName(`${path}.readinessGates[${index}].conditionType`, conditionType));
  causes.push(
    ...validateTopologySpread(spec.topologySpreadConstraints ?? [], `${path}.topologySpreadConstraints`),
  );
  if (spec.resources !== undefined) causes.push(...validateWholeResources(spec, `${path}.resources`));
  return [
    ...causes,
    ...validateIdentity(spec, path),
    ...validateClaims(spec.resourceClaims ?? [], `${path}.resourceClaims`),
  ];
}

const MIRROR = "kubernetes.io/config.mirror";

/** What the kubelet shows of a pod of its own stays that. */
function validateMirror(pod: KubernetesObject, previous: KubernetesObject): StatusCause[] {
  const [now, before] = [pod, previous].map(({ metadata }) => metadata.annotations?.[MIRROR]);
  if (now === before) return [];
  const problem =
    before === undefined
      ? "may not add mirror pod annotation"
      : "may not remove or update mirror pod annotation";
  return [forbiddenField(`metadata.annotations[${MIRROR}]`, problem)];
}

/** Devices that a pod asks for, by name of a claim or of what to make one from. */
function validateClaims(claims: Anything[], path: string): StatusCause[] {
  const names = new Set<string>();
  return claims.flatMap((claim, index) => {
    const at = `${path}[${index}]`;
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    const causes = !name
      ? [required(`${at}.name`)]
      : names.has(name)
        ? [duplicate(`${at}.name`, name)]
        : checkLabel(`${at}.name`, name);
    names.add(name);
    const shown = goStruct("core.PodResourceClaim", claim);
    const both = "`resourceClaimName` or `resourceClaimTemplateName`";
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      causes.push(invalidValue(at, shown, `at most one of ${both} may be specified`));
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      causes.push(invalidValue(at, shown, `must specify one of: ${both.replace(" or ", ", ")}`));
    for (const [field, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName }))
      if (value !== undefined) causes.push(...checkSubdomain(`${at}.${field}`, value));
    return causes;
  });
}

/** A port of the node goes to one container. */
function validateHostPorts(containers: Anything[], path: string): StatusCause[] {
  const taken = new Set<string>();
  return containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP = "", protocol }: Anything, position: number) => {
      if (!hostPort) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      const field = `${path}[${index}].ports[${position}].hostPort`;
      if (taken.has(key)) return [duplicate(field, key)];
      taken.add(key);
      return [];
    }),
  );
}

const MAX_NAMESERVERS = 3;
const MAX_SEARCH_PATHS = 32;
/** All search paths with the blanks between them. */
const MAX_SEARCH_LENGTH = 2048;

function validateNameResolution({ dnsPolicy, dnsConfig }: Anything, path: string): StatusCause[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  if (dnsPolicy === "None") {
    if (dnsConfig === undefined) return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if (nameservers.length === 0) {
      const problem = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      return [required(`${path}.nameservers`, problem)];
    }
  }
  const causes: StatusCause[] = [];
  const refuse = (field: string, value: unknown, problem: string) =>
    causes.push(invalidValue(`${path}.${field}`, value, problem));
  if (nameservers.length > MAX_NAMESERVERS)
    refuse("nameservers", nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`);
  for (const [index, address] of nameservers.entries())
    causes.push(...checkAddress(`${path}.nameservers[${index}]`, address));
  if (searches.length > MAX_SEARCH_PATHS)
    refuse("searches", searches, `must not have more than ${MAX_SEARCH_PATHS} search paths`);
  if (searches.join(" ").length > MAX_SEARCH_LENGTH) {
    const problem = `must not have more than ${MAX_SEARCH_LENGTH} characters (including spaces) in the search list`;
    refuse("searches", searches, problem);
  }
  for (const [index, search] of searches.entries())
    if (search !== ".")
      causes.push(...checkText(`${path}.searches[${index}]`, search.replace(/\.$/, ""), searchPathProblem));
  for (const [index, { name }] of options.entries())
    if (!name) causes.push(required(`${path}.options[${index}]`, "must not be empty"));
  return causes;
}

/** Names, places and times of a pod. */
function validateIdentity(spec: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of ["serviceAccountName", "nodeName"])
    if (spec[field]) causes.push(...checkSubdomain(`${path}.${field}`, spec[field]));
  if (spec.activeDeadlineSeconds !== undefined)
    causes.push(...checkRange(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, MAX_SECONDS));
  for (const field of ["hostname", "subdomain"])
    if (spec[field]) causes.push(...checkLabel(`${path}.${field}`, spec[field]));
  causes.push(...validateTolerations(spec.tolerations ?? [], `${path}.tolerations`));
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    const at = `${path}.hostAliases[${index}]`;
    causes.push(...checkAddress(`${at}.ip`, ip));
    for (const [position, name] of hostnames.entries())
      causes.push(...checkSubdomain(`${at}.hostnames[${position}]`, name));
  }
  for (const field of ["priorityClassName", "runtimeClassName"])
    if (spec[field]) causes.push(...checkSubdomain(`${path}.${field}`, spec[field]));
  if (spec.os !== undefined) {
    if (!spec.os.name) causes.push(required(`${path}.os.name`));
    else if (!["linux", "windows"].includes(spec.os.name))
      causes.push(notSupported(`${path}.os`, spec.os.name, ["linux", "windows"]));
  }
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries())
    causes.push(...checkQualifiedName(`${path}.schedulingGates[${index}]`, name));
  return causes;
}

function validateSecurity({ securityContext = {}, ...spec }: Anything, path: string): StatusCause[] {
  const at = `${path}.securityContext`;
  const causes: StatusCause[] = [];
  if (spec.shareProcessNamespace && spec.hostPID)
    causes.push(
      invalidValue(
        `${at}.shareProcessNamespace`,
        true,
        "ShareProcessNamespace and HostPID cannot both be enabled",
      ),
    );
  for (const field of ["fsGroup", "runAsUser", "runAsGroup"])
    if (securityContext[field] !== undefined)
      causes.push(...checkRange(`${at}.${field}`, securityContext[field], 0, MAX_ID));
  for (const [index, group] of (securityContext.supplementalGroups ?? []).entries())
    causes.push(...checkRange(`${at}.supplementalGroups[${index}]`, group, 0, MAX_ID));
  const sysctls = new Set<string>();
  for (const [index, { name = "" }] of (securityContext.sysctls ?? []).entries()) {
    const field = `${at}.sysctls[${index}].name`;
    if (name === "") causes.push(required(field));
    else if (!SYSCTL.test(name)) causes.push(invalidValue(field, name, SYSCTL_PROBLEM));
    else if (sysctls.has(name)) causes.push(duplicate(field, name));
    sysctls.add(name);
  }
  const policy = securityContext.fsGroupChangePolicy;
  if (policy !== undefined)
    causes.push(...checkOneOf(`${at}.fsGroupChangePolicy`, policy, ["Always", "OnRootMismatch"]));
  causes.push(...validateSeccomp(securityContext.seccompProfile, `${at}.seccompProfile`));
  causes.push(...validateAppArmor(securityContext.appArmorProfile, `${at}.appArmorProfile`));
  return causes;
}

const SYSCTL = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;
const SYSCTL_PROBLEM =
  "must have at most 253 characters and match regex " +
  "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

/** A template's labels, annotations and pod spec. */
export function validatePodTemplate(template: Anything, path: string): StatusCause[] {
  return [
    ...checkLabels(`${path}.labels`, template?.metadata?.labels),
    ...checkAnnotations(`${path}.annotations`, template?.metadata?.annotations),
    ...validatePodSpec(template?.spec ?? {}, `${path}.spec`),
    ...((template?.spec?.ephemeralContainers ?? []).length > 0
      ? [
          forbiddenField(
            `${path}.spec.ephemeralContainers`,
            "ephemeral containers not allowed in pod template",
          ),
        ]
      : []),
  ];
}
