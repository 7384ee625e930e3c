/** What is legal in a pod and most likely wrong: told in a `Warning` header (`pkg/api/pod/warnings.go`). */
import { parseQuantity, scaledQuantity } from "../../../model/quantity.ts";
import { DEPRECATED_NODE_LABELS, termWarnings } from "./node-label-warnings.ts";

// biome-ignore lint/suspicious/noExplicitAny: what a client sent, checked elsewhere
type Anything = any;

/** What reads as much in a pod and in a volume of its own. */
export const DEPRECATED_VOLUMES: Record<string, string> = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
};

/** @param path of the pod or the template: `""`, `spec.template` */
export function podWarnings(
  { spec = {}, metadata }: { spec?: Anything; metadata?: Anything },
  path: string,
): string[] {
  const at = path === "" ? "spec" : `${path}.spec`;
  return [
    ...profileWarnings(spec, metadata?.annotations ?? {}, path === "" ? "metadata" : `${path}.metadata`),
    ...placementWarnings(spec, at),
    ...volumeWarnings(spec, at),
    ...repeated(spec.hostAliases, "ip", (index) => `${at}.hostAliases[${index}].ip`),
    ...pullSecretWarnings(spec, at),
    ...fractionalBytes(`${at}.overhead`, spec.overhead),
    ...containersOf(spec, at).flatMap(([container, where]) => containerWarnings(container, where)),
    ...portWarnings(spec, at),
    ...(spec.terminationGracePeriodSeconds < 0
      ? [
          `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...affinityWarnings(spec, at),
  ];
}

/** Profiles in annotations, as they were told before there were fields. */
function profileWarnings(spec: Anything, annotations: Record<string, string>, at: string): string[] {
  const pod = spec.securityContext ?? {};
  const keys = pod.seccompProfile === undefined ? ["seccomp.security.alpha.kubernetes.io/pod"] : [];
  const armour: string[] = [];
  for (const [{ name, securityContext }] of containersOf(spec, "")) {
    if (securityContext?.seccompProfile === undefined)
      keys.push(`container.seccomp.security.alpha.kubernetes.io/${name}`);
    if (securityContext?.appArmorProfile === undefined)
      armour.push(`container.apparmor.security.beta.kubernetes.io/${name}`);
  }
  const isSet = (key: string) => annotations[key] !== undefined;
  return [
    ...keys
      .filter(isSet)
      .map(
        (key) =>
          `${at}.annotations[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`,
      ),
    ...armour
      .filter(isSet)
      .map(
        (key) => `${at}.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
      ),
  ];
}

function containersOf(spec: Anything, at: string): [container: Anything, path: string][] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((field) =>
    (spec[field] ?? []).map((container: Anything, index: number) => [container, `${at}.${field}[${index}]`]),
  );
}

function placementWarnings(spec: Anything, at: string): string[] {
  const warnings = Object.keys(spec.nodeSelector ?? {})
    .filter((label) => DEPRECATED_NODE_LABELS[label] !== undefined)
    .map((label) => `${at}.nodeSelector[${label}]: ${DEPRECATED_NODE_LABELS[label]}`);
  const { nodeAffinity } = spec.affinity ?? {};
  const required = "requiredDuringSchedulingIgnoredDuringExecution";
  const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
  const base = `${at}.affinity.nodeAffinity`;
  for (const [index, term] of (nodeAffinity?.[required]?.nodeSelectorTerms ?? []).entries())
    warnings.push(...termWarnings(term, `${base}.${required}.nodeSelectorTerms[${index}]`));
  for (const [index, { preference }] of (nodeAffinity?.[preferred] ?? []).entries())
    warnings.push(...termWarnings(preference ?? {}, `${base}.${preferred}[${index}].preference`));
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const where = `${at}.topologySpreadConstraints[${index}]`;
    const message = DEPRECATED_NODE_LABELS[topologyKey];
    if (message !== undefined) warnings.push(`${where}.topologyKey: ${topologyKey} is ${message}`);
    if (!labelSelector)
      warnings.push(`${where}.labelSelector: a null labelSelector results in matching no pod`);
  }
  return warnings;
}

function volumeWarnings({ volumes = [] }: Anything, at: string): string[] {
  return volumes.flatMap((volume: Anything, index: number) => [
    ...Object.keys(volume)
      .filter((type) => DEPRECATED_VOLUMES[type] !== undefined)
      .map((type) => `${at}.volumes[${index}].${type}: ${DEPRECATED_VOLUMES[type]}`),
    ...(volume.projected?.sources ?? [])
      .filter((source: object) => Object.keys(source).length === 0)
      .map(() => `volume ${JSON.stringify(volume.name)} (Projected) has no sources provided`),
  ]);
}

function pullSecretWarnings({ imagePullSecrets = [] }: Anything, at: string): string[] {
  const path = (index: number) => `${at}.imagePullSecrets[${index}].name`;
  return [
    ...repeated(imagePullSecrets, "name", path),
    ...imagePullSecrets.flatMap(({ name }: { name?: string }, index: number) =>
      name ? [] : [`${path(index)}: invalid empty name ""`],
    ),
  ];
}

function repeated(items: Anything[] = [], field: string, path: (index: number) => string): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const value: string = item[field] ?? "";
    if (seen.has(value)) return [`${path(index)}: duplicate ${field} ${JSON.stringify(value)}`];
    seen.add(value);
    return [];
  });
}

function containerWarnings({ resources, env = [] }: Anything, at: string): string[] {
  const warnings = ["limits", "requests"].flatMap((kind) =>
    fractionalBytes(`${at}.resources.${kind}`, resources?.[kind], ["memory"]),
  );
  for (const kind of ["limits", "requests"])
    warnings.push(...fractionalBytes(`${at}.resources.${kind}`, resources?.[kind], ["ephemeral-storage"]));
  const seen = new Set<string>();
  for (const [index, { name, value = "", valueFrom }] of env.entries()) {
    // One that is made of the earlier one is meant.
    if (seen.has(name) && (valueFrom || value === `$(${name})` || !value.includes(`$(${name})`))) {
      const problem = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
      warnings.push(`${at}.env[${index}]: ${problem}`);
    }
    seen.add(name);
  }
  return warnings;
}

function fractionalBytes(
  at: string,
  list: Record<string, string> = {},
  names = ["memory", "ephemeral-storage"],
): string[] {
  return names.flatMap((name) =>
    list[name] !== undefined && scaledQuantity(list[name], 3) % 1000 !== 0 && parseQuantity(list[name]) !== 0
      ? [`${at}[${name}]: fractional byte value ${JSON.stringify(list[name])} is invalid, must be an integer`]
      : [],
  );
}

function portWarnings(spec: Anything, at: string): string[] {
  const warnings: string[] = [];
  const ports = containersOf(spec, at).flatMap(([container, where]) =>
    (container.ports ?? []).map((port: Anything, index: number) => ({
      port,
      path: `${where}.ports[${index}]`,
    })),
  );
  for (const [index, { port, path }] of ports.entries()) {
    const { name = "", hostPort = 0, containerPort, protocol, hostIP = "" } = port;
    if (hostIP && !hostPort) {
      const text = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
      warnings.push(`${path}: hostIP set without hostPort: ${text}`);
    }
    for (const other of ports.slice(0, index)) {
      const same = other.port.containerPort === containerPort && other.port.protocol === protocol;
      const kind = same ? overlap(port, other.port) : undefined;
      if (kind !== undefined) warnings.push(`${path}: ${kind} port definition with ${other.path}`);
    }
  }
  const named = new Map<string, string>();
  for (const { port, path } of ports) {
    if (!port.name) continue;
    const other = named.get(port.name);
    if (other === undefined) named.set(port.name, path);
    else
      warnings.push(
        `${path}: duplicate port name ${JSON.stringify(port.name)} with ${other}, services and probes that select ` +
          `ports by name will use ${other}`,
      );
  }
  return warnings;
}

function overlap(a: Anything, b: Anything): string | undefined {
  const [hostA, hostB] = [a.hostPort ?? 0, b.hostPort ?? 0];
  const [ipA, ipB] = [a.hostIP ?? "", b.hostIP ?? ""];
  if (ipA === ipB && hostA === hostB) return "duplicate";
  if (hostA === 0 || hostB === 0) return "overlapping";
  return hostA === hostB && (ipA === "") !== (ipB === "") ? "dangerously ambiguous" : undefined;
}

function affinityWarnings({ affinity }: Anything, at: string): string[] {
  const problem = "a null labelSelector results in matching no pod";
  return ["podAffinity", "podAntiAffinity"].flatMap((kind) => {
    const { requiredDuringSchedulingIgnoredDuringExecution: required = [] } = affinity?.[kind] ?? {};
    const { preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = affinity?.[kind] ?? {};
    const base = `${at}.affinity.${kind}`;
    return [
      ...required.flatMap(({ labelSelector }: Anything, index: number) =>
        labelSelector
          ? []
          : [`${base}.requiredDuringSchedulingIgnoredDuringExecution[${index}].labelSelector: ${problem}`],
      ),
      ...preferred.flatMap(({ podAffinityTerm }: Anything, index: number) =>
        podAffinityTerm?.labelSelector
          ? []
          : [
              `${base}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm.labelSelector: ${problem}`,
            ],
      ),
    ];
  });
}
