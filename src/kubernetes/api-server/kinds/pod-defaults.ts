/** Defaults of pod specs, in pods and in templates (`pkg/apis/core/v1/defaults.go`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { addQuantities, compareQuantities } from "../../../model/quantity.ts";

// biome-ignore lint/suspicious/noExplicitAny: what a client sent, checked elsewhere
type Anything = any;

/** Sets `object[field]` where it is absent. */
export function setDefault(object: Anything, field: string, value: unknown): void {
  const given = object[field];
  // To Go an empty text is none; in protobuf fields that must be there are sent empty.
  if (given === undefined || given === null || given === "") object[field] = value;
}

export function setPodSpecDefaults(spec: Anything): void {
  if (spec === undefined) return;
  setDefault(spec, "restartPolicy", "Always");
  setDefault(spec, "dnsPolicy", "ClusterFirst");
  setDefault(spec, "schedulerName", "default-scheduler");
  setDefault(spec, "terminationGracePeriodSeconds", 30);
  setDefault(spec, "securityContext", {});
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  for (const list of [spec.containers, spec.initContainers, spec.ephemeralContainers]) {
    for (const container of list ?? []) {
      setContainerDefaults(container);
    }
  }
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  dropDisabledFields(spec);
}

/** Fields of features that are off by default: GenericWorkload, ContainerStopSignals. */
function dropDisabledFields(spec: Anything): void {
  delete spec.workloadRef;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    if (container.lifecycle?.stopSignal === undefined) continue;
    delete container.lifecycle.stopSignal;
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
  }
}

/** Defaults that only pods get, not templates. */
export function setPodDefaults(pod: KubernetesObject): void {
  pod.spec ??= {};
  const { spec } = pod;
  setPodSpecDefaults(spec);
  setDefault(spec, "enableServiceLinks", true);
  // On the node's network a port is the node's.
  for (const container of spec.hostNetwork
    ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
    : [])
    for (const port of container.ports ?? []) setDefault(port, "hostPort", port.containerPort);
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { limits, requests } = container.resources ?? {};
    if (limits !== undefined) container.resources.requests = { ...limits, ...requests };
  }
  setWholeRequests(spec);
}

/** What a pod as a whole may ask for. */
const isWholeResource = (name: string) => ["cpu", "memory"].includes(name) || name.startsWith("hugepages-");

/** A pod with requests or limits of its own asks for what its containers do, else for its limits (`setDefaultPodRequests`). */
function setWholeRequests(spec: Anything): void {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  if (![...Object.keys(requests), ...Object.keys(limits)].some(isWholeResource)) return;
  const filled = { ...requests };
  for (const [name, quantity] of Object.entries(containerRequests(spec)))
    if (isWholeResource(name) && !name.startsWith("hugepages-")) filled[name] ??= quantity;
  for (const [name, quantity] of Object.entries(limits)) if (isWholeResource(name)) filled[name] ??= quantity;
  if (Object.keys(filled).length > 0) spec.resources.requests = filled;
}

/** The most that a pod's containers ask for at a time: those that run together, or one that runs before them. */
export function containerRequests(
  spec: Anything,
  list: "requests" | "limits" = "requests",
): Record<string, string> {
  const sum: Record<string, string> = {};
  const add = (to: Record<string, string>, quantities: Record<string, string> = {}) => {
    for (const [name, quantity] of Object.entries(quantities))
      to[name] = to[name] === undefined ? quantity : addQuantities(to[name], quantity);
  };
  for (const container of spec.containers ?? []) add(sum, container.resources?.[list]);
  const sidecars: Record<string, string> = {};
  const peak: Record<string, string> = {};
  for (const container of spec.initContainers ?? []) {
    const now = { ...sidecars };
    add(now, container.resources?.[list]);
    for (const [name, quantity] of Object.entries(now))
      if (peak[name] === undefined || compareQuantities(quantity, peak[name]) > 0) peak[name] = quantity;
    if (container.restartPolicy === "Always") add(sidecars, container.resources?.[list]);
  }
  add(sum, sidecars);
  for (const [name, quantity] of Object.entries(peak))
    if (sum[name] === undefined || compareQuantities(quantity, sum[name]) > 0) sum[name] = quantity;
  return sum;
}

function setContainerDefaults(container: Anything): void {
  setDefault(container, "imagePullPolicy", pullPolicyOf(container.image ?? ""));
  setDefault(container, "terminationMessagePath", "/dev/termination-log");
  setDefault(container, "terminationMessagePolicy", "File");
  setDefault(container, "resources", {});
  for (const port of container.ports ?? []) setDefault(port, "protocol", "TCP");
  for (const variable of container.env ?? []) setReferenceDefaults(variable.valueFrom ?? {});
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) setProbeDefaults(probe);
  }
  for (const handler of [container.lifecycle?.preStop, container.lifecycle?.postStart]) {
    if (handler?.httpGet) setHttpGetDefaults(handler.httpGet);
  }
}

/** A registry with a port, path components in lower case, a tag, a digest (`distribution/reference`). */
const IMAGE_REFERENCE =
  /^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?\/|\[[A-Fa-f0-9:]+\](?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9+._-]*:[0-9A-Fa-f]{32,})?$/;

/** Moving tags are looked up each time. */
function pullPolicyOf(image: string): string {
  // What can't be read has no tag that moves.
  if (!IMAGE_REFERENCE.test(image)) return "IfNotPresent";
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest" ? "Always" : "IfNotPresent";
}

function setProbeDefaults(probe: Anything): void {
  setDefault(probe, "timeoutSeconds", 1);
  setDefault(probe, "periodSeconds", 10);
  setDefault(probe, "successThreshold", 1);
  setDefault(probe, "failureThreshold", 3);
  if (probe.httpGet) setHttpGetDefaults(probe.httpGet);
  if (probe.grpc) setDefault(probe.grpc, "service", "");
}

function setHttpGetDefaults(action: Anything): void {
  setDefault(action, "path", "/");
  setDefault(action, "scheme", "HTTP");
}

function setReferenceDefaults({ fieldRef, resourceFieldRef }: Anything): void {
  if (fieldRef) setDefault(fieldRef, "apiVersion", "v1");
  if (resourceFieldRef) setDefault(resourceFieldRef, "divisor", "0");
}

const MODE = 0o644;

function setVolumeDefaults(volume: Anything): void {
  if (Object.keys(volume).every((name) => name === "name")) volume.emptyDir = {};
  for (const source of [volume.configMap, volume.secret, volume.projected, volume.downwardAPI]) {
    if (source) setDefault(source, "defaultMode", MODE);
  }
  if (volume.hostPath) setDefault(volume.hostPath, "type", "");
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) setDefault(claim, "volumeMode", "Filesystem");
  for (const item of volume.downwardAPI?.items ?? []) setReferenceDefaults(item);
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken) setDefault(source.serviceAccountToken, "expirationSeconds", 3600);
    for (const item of source.downwardAPI?.items ?? []) setReferenceDefaults(item);
  }
}
