/** Rows of the core group and of the groups that go with it. */
import {
  ageColumn,
  integer,
  labelText,
  nameColumn,
  orNone,
  type Row,
  since,
  type TableColumn,
  text,
  wide,
} from "./table-column.ts";
import { selectorText } from "./workload-columns.ts";

const createdAt: TableColumn = {
  ...text("Created At", (object) => object.metadata.creationTimestamp),
  type: "date",
};

export const plainColumns: TableColumn[] = [nameColumn, ageColumn];
export const createdColumns: TableColumn[] = [nameColumn, createdAt];

export const serviceColumns: TableColumn[] = [
  nameColumn,
  text("Type", ({ spec }) => spec?.type),
  text("Cluster-IP", ({ spec }) => orNone(spec?.clusterIP)),
  text("External-IP", externalIp),
  text("Port(s)", ({ spec }) => servicePorts(spec?.ports)),
  ageColumn,
  wide("Selector", ({ spec }) => labelText(spec?.selector)),
];

function externalIp({ spec, status }: Row): string {
  const ingress: { ip?: string; hostname?: string }[] = status?.loadBalancer?.ingress ?? [];
  const external: string[] = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case "ExternalName":
      return spec.externalName;
    case "LoadBalancer": {
      const all = [...ingress.map((each) => each.ip ?? each.hostname ?? ""), ...external];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    default:
      return external.length === 0 ? "<none>" : external.join(",");
  }
}

function servicePorts(ports: { port: number; nodePort?: number; protocol?: string }[] | undefined): string {
  const texts = (ports ?? []).map(({ port, nodePort, protocol = "TCP" }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return texts.length === 0 ? "<none>" : texts.join(",");
}

interface Subset {
  addresses?: { ip: string }[];
  ports?: { port: number }[];
}

export const endpointsColumns: TableColumn[] = [
  nameColumn,
  text("Endpoints", ({ subsets }) => {
    const all = ((subsets ?? []) as Subset[]).flatMap(({ addresses = [], ports = [] }) =>
      ports.length === 0
        ? addresses.map(({ ip }) => ip)
        : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
    );
    return shortList(all, 3);
  }),
  ageColumn,
];

function shortList(all: string[], limit: number): string {
  if (all.length === 0) return "<none>";
  const list = all.slice(0, limit).join(",");
  return all.length > limit ? `${list} + ${all.length - limit} more...` : list;
}

export const endpointSliceColumns: TableColumn[] = [
  nameColumn,
  text("AddressType", ({ addressType }) => addressType),
  text("Ports", ({ ports }) => {
    const numbers = ((ports ?? []) as { port?: number }[]).map(({ port }) => String(port ?? "*"));
    return numbers.length === 0 ? "<unset>" : shortList(numbers, 3);
  }),
  text("Endpoints", ({ endpoints }) => {
    const all = ((endpoints ?? []) as { addresses: string[] }[]).flatMap(({ addresses }) => addresses);
    return all.length === 0 ? "<unset>" : shortList(all, 3);
  }),
  ageColumn,
];

export const nodeColumns: TableColumn[] = [
  nameColumn,
  text("Status", nodeStatus),
  text("Roles", nodeRoles),
  ageColumn,
  text("Version", ({ status }) => status?.nodeInfo?.kubeletVersion),
  wide("Internal-IP", (node) => nodeAddress(node, "InternalIP")),
  wide("External-IP", (node) => nodeAddress(node, "ExternalIP")),
  wide("OS-Image", ({ status }) => status?.nodeInfo?.osImage || "<unknown>"),
  wide("Kernel-Version", ({ status }) => status?.nodeInfo?.kernelVersion || "<unknown>"),
  wide("Container-Runtime", ({ status }) => status?.nodeInfo?.containerRuntimeVersion || "<unknown>"),
];

function nodeStatus({ spec, status }: Row): string {
  const ready = (status?.conditions ?? []).find((each: { type: string }) => each.type === "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

function nodeRoles({ metadata }: Row): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith("node-role.kubernetes.io/")) return key.slice("node-role.kubernetes.io/".length) || [];
    return key === "kubernetes.io/role" && value !== "" ? value : [];
  });
  return roles.length === 0 ? "<none>" : roles.sort().join(",");
}

function nodeAddress({ status }: Row, type: string): string {
  const found = (status?.addresses ?? []).find((each: { type: string }) => each.type === type);
  return found?.address ?? "<none>";
}

export const namespaceColumns: TableColumn[] = [
  nameColumn,
  text("Status", ({ status }) => status?.phase),
  ageColumn,
];

const count = (value: object | undefined) => Object.keys(value ?? {}).length;

export const secretColumns: TableColumn[] = [
  nameColumn,
  text("Type", (secret) => secret.type),
  text("Data", (secret) => count(secret.data)),
  ageColumn,
];

export const configMapColumns: TableColumn[] = [
  nameColumn,
  text("Data", (object) => count(object.data) + count(object.binaryData)),
  ageColumn,
];

export const serviceAccountColumns: TableColumn[] = [nameColumn, ageColumn];

const ACCESS_MODES: Record<string, string> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const accessModes = (modes: string[] | undefined) =>
  (modes ?? []).map((mode) => ACCESS_MODES[mode]).join(",");

export const claimColumns: TableColumn[] = [
  nameColumn,
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : status?.phase)),
  text("Volume", ({ spec }) => spec?.volumeName ?? ""),
  text("Capacity", ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.storage ?? "") : "")),
  text("Access Modes", ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : "")),
  text("StorageClass", ({ spec }) => spec?.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
  ageColumn,
  wide("VolumeMode", ({ spec }) => spec?.volumeMode ?? "<unset>"),
];

export const volumeColumns: TableColumn[] = [
  nameColumn,
  text("Capacity", ({ spec }) => spec?.capacity?.storage ?? ""),
  text("Access Modes", ({ spec }) => accessModes(spec?.accessModes)),
  text("Reclaim Policy", ({ spec }) => spec?.persistentVolumeReclaimPolicy),
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : status?.phase)),
  text("Claim", ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : "")),
  text("StorageClass", ({ spec }) => spec?.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
  text("Reason", ({ status }) => status?.reason ?? ""),
  ageColumn,
  wide("VolumeMode", ({ spec }) => spec?.volumeMode ?? "<unset>"),
];

export const eventColumns: TableColumn[] = [
  text("Last Seen", (event, now) => {
    const series = event.series?.lastObservedTime;
    const last = event.lastTimestamp ?? series ?? event.firstTimestamp ?? event.eventTime;
    return since(last, now);
  }),
  text("Type", (event) => event.type),
  text("Reason", (event) => event.reason),
  text("Object", ({ involvedObject }) =>
    involvedObject?.kind
      ? `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`
      : (involvedObject?.name ?? ""),
  ),
  wide("Subobject", ({ involvedObject }) => involvedObject?.fieldPath ?? ""),
  wide("Source", ({ source, reportingComponent, reportingInstance }) => {
    const component = source?.component || reportingComponent || "";
    const instance = source?.host || reportingInstance;
    return instance ? `${component}, ${instance}` : component;
  }),
  text("Message", ({ message }) => String(message ?? "").trim()),
  wide("First Seen", (event, now) => since(event.firstTimestamp ?? event.eventTime, now)),
  wide("Count", (event) => event.series?.count ?? event.count ?? 1),
  { ...wide("Name", (event) => event.metadata.name), format: "name" },
];

export const disruptionBudgetColumns: TableColumn[] = [
  nameColumn,
  text("Min Available", ({ spec }) => String(spec?.minAvailable ?? "N/A")),
  text("Max Unavailable", ({ spec }) => String(spec?.maxUnavailable ?? "N/A")),
  integer("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed ?? 0),
  ageColumn,
];

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

const subjects = (kind: string) => (binding: Row) =>
  ((binding.subjects ?? []) as Subject[])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace}/${name}` : name))
    .join(", ");

export const roleBindingColumns: TableColumn[] = [
  nameColumn,
  text("Role", ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  wide("Users", subjects("User")),
  wide("Groups", subjects("Group")),
  wide("ServiceAccounts", subjects("ServiceAccount")),
];

export const apiServiceColumns: TableColumn[] = [
  nameColumn,
  text("Service", ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : "Local")),
  text("Available", ({ status }) => {
    const available = (status?.conditions ?? []).find((each: { type: string }) => each.type === "Available");
    if (available === undefined) return "Unknown";
    return available.status === "True" ? "True" : `${available.status} (${available.reason})`;
  }),
  ageColumn,
];

export const leaseColumns: TableColumn[] = [
  nameColumn,
  text("Holder", ({ spec }) => spec?.holderIdentity ?? ""),
  ageColumn,
];

export const storageClassColumns: TableColumn[] = [
  {
    ...nameColumn,
    value: ({ metadata }) =>
      metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true"
        ? `${metadata.name} (default)`
        : metadata.name,
  },
  text("Provisioner", (object) => object.provisioner),
  text("ReclaimPolicy", (object) => object.reclaimPolicy ?? "Delete"),
  text("VolumeBindingMode", (object) => object.volumeBindingMode ?? "<unset>"),
  { ...text("AllowVolumeExpansion", (object) => object.allowVolumeExpansion ?? false), type: "string" },
  ageColumn,
];

export const priorityClassColumns: TableColumn[] = [
  nameColumn,
  integer("Value", (object) => object.value),
  { ...text("Global-Default", (object) => object.globalDefault ?? false), type: "boolean" },
  ageColumn,
  text("PreemptionPolicy", (object) => object.preemptionPolicy),
];

export const ingressClassColumns: TableColumn[] = [
  nameColumn,
  text("Controller", ({ spec }) => spec?.controller),
  text("Parameters", ({ spec }) =>
    spec?.parameters ? `${spec.parameters.kind}/${spec.parameters.name}` : "<none>",
  ),
  ageColumn,
];

export const ingressColumns: TableColumn[] = [
  nameColumn,
  text("Class", ({ spec }) => spec?.ingressClassName ?? "<none>"),
  text("Hosts", ({ spec }) => {
    const hosts = ((spec?.rules ?? []) as { host?: string }[]).map(({ host }) => host || "*");
    return hosts.length === 0 ? "*" : shortList(hosts, 3);
  }),
  text("Address", ({ status }) =>
    ((status?.loadBalancer?.ingress ?? []) as { ip?: string; hostname?: string }[])
      .map(({ ip, hostname }) => ip ?? hostname)
      .join(","),
  ),
  text("Ports", ({ spec }) => ((spec?.tls ?? []).length > 0 ? "80, 443" : "80")),
  ageColumn,
];

export const networkPolicyColumns: TableColumn[] = [
  nameColumn,
  text("Pod-Selector", ({ spec }) => selectorText(spec?.podSelector)),
  ageColumn,
];
