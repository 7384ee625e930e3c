/** Rows of quotas, templates, certificates, storage drivers and what else is seldom looked at. */
import { humanDuration } from "../human-duration.ts";
import {
  ageColumn,
  boolean,
  containersColumn,
  imagesColumn,
  integer,
  labelText,
  nameColumn,
  orNone,
  type Row,
  type TableColumn,
  text,
} from "./table-column.ts";

export const quotaColumns: TableColumn[] = [
  nameColumn,
  text("Request", (quota) => quotaText(quota, (name) => !name.startsWith("limits."))),
  text("Limit", (quota) => quotaText(quota, (name) => name.startsWith("limits."))),
  ageColumn,
];

/** `pods: 1/5, requests.cpu: 0/1` */
function quotaText({ status }: Row, isShown: (name: string) => boolean): string {
  const hard: Record<string, string> = status?.hard ?? {};
  const names = Object.keys(hard).filter(isShown).sort();
  return names.map((name) => `${name}: ${status.used?.[name] ?? "0"}/${hard[name]}`).join(", ");
}

const visible = (column: TableColumn): TableColumn => ({ ...column, priority: 0 });

export const podTemplateColumns: TableColumn[] = [
  nameColumn,
  visible(containersColumn((object) => object.template)),
  visible(imagesColumn((object) => object.template)),
  text("Pod Labels", (object) => labelText(object.template?.metadata?.labels)),
];

export const certificateRequestColumns: TableColumn[] = [
  nameColumn,
  ageColumn,
  text("SignerName", ({ spec }) => orNone(spec?.signerName)),
  text("Requestor", ({ spec }) => spec?.username ?? ""),
  text("RequestedDuration", ({ spec }) =>
    spec?.expirationSeconds === undefined ? "<none>" : humanDuration(spec.expirationSeconds * 1000),
  ),
  text("Condition", certificateStatus),
];

function certificateStatus({ status }: Row): string {
  const types = (status?.conditions ?? []).map((condition: { type: string }) => condition.type);
  const parts = [types.includes("Denied") ? "Denied" : types.includes("Approved") ? "Approved" : "Pending"];
  if (types.includes("Failed")) parts.push("Failed");
  if (status?.certificate) parts.push("Issued");
  return parts.join(",");
}

export const runtimeClassColumns: TableColumn[] = [
  nameColumn,
  text("Handler", (object) => object.handler),
  ageColumn,
];

export const webhookConfigurationColumns: TableColumn[] = [
  nameColumn,
  integer("Webhooks", ({ webhooks }) => (webhooks ?? []).length),
  ageColumn,
];

export const storageNodeColumns: TableColumn[] = [
  nameColumn,
  integer("Drivers", ({ spec }) => (spec?.drivers ?? []).length),
  ageColumn,
];

export const storageDriverColumns: TableColumn[] = [
  nameColumn,
  boolean("AttachRequired", ({ spec }) => spec?.attachRequired ?? true),
  boolean("PodInfoOnMount", ({ spec }) => spec?.podInfoOnMount ?? false),
  boolean("StorageCapacity", ({ spec }) => spec?.storageCapacity ?? false),
  text("TokenRequests", ({ spec }) =>
    spec?.tokenRequests === undefined
      ? "<unset>"
      : spec.tokenRequests.map(({ audience }: { audience: string }) => audience).join(","),
  ),
  boolean("RequiresRepublish", ({ spec }) => spec?.requiresRepublish ?? false),
  text("Modes", ({ spec }) => orNone((spec?.volumeLifecycleModes ?? []).join(","))),
  ageColumn,
];

export const attributesClassColumns: TableColumn[] = [
  nameColumn,
  text("DriverName", (object) => object.driverName),
  ageColumn,
];

export const attachmentColumns: TableColumn[] = [
  nameColumn,
  { ...text("Attacher", ({ spec }) => spec?.attacher), format: "name" },
  text("PV", ({ spec }) => spec?.source?.persistentVolumeName ?? ""),
  text("Node", ({ spec }) => spec?.nodeName),
  boolean("Attached", ({ status }) => status?.attached ?? false),
  ageColumn,
];

export const serviceRangeColumns: TableColumn[] = [
  nameColumn,
  text("CIDRs", ({ spec }) => (spec?.cidrs ?? []).join(",")),
  ageColumn,
];

export const addressColumns: TableColumn[] = [
  nameColumn,
  text("ParentRef", ({ spec }) => {
    if (!spec?.parentRef) return "<none>";
    const { group, resource, namespace, name } = spec.parentRef;
    const kind = (group ? `${resource}.${group}` : resource).toLowerCase();
    return [kind, namespace, name].filter(Boolean).join("/");
  }),
];

export const admissionPolicyColumns: TableColumn[] = [
  nameColumn,
  integer("Validations", ({ spec }) => (spec?.validations ?? []).length),
  text("ParamKind", ({ spec }) =>
    spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : "<unset>",
  ),
  ageColumn,
];

export const admissionPolicyBindingColumns: TableColumn[] = [
  nameColumn,
  text("PolicyName", ({ spec }) => spec?.policyName),
  text("ParamRef", ({ spec }) => paramText(spec?.paramRef)),
  ageColumn,
];

function paramText(ref: { namespace?: string; name?: string; selector?: object } | undefined): string {
  if (ref === undefined) return "<unset>";
  const what = ref.name ?? (ref.selector ? "*" : "");
  return ref.namespace ? `${ref.namespace}/${what}` : what;
}

export const flowSchemaColumns: TableColumn[] = [
  nameColumn,
  text("PriorityLevel", ({ spec }) => orNone(spec?.priorityLevelConfiguration?.name)),
  text("MatchingPrecedence", ({ spec }) => spec?.matchingPrecedence ?? 0),
  text("DistinguisherMethod", ({ spec }) => orNone(spec?.distinguisherMethod?.type)),
  ageColumn,
  text("MissingPL", ({ status }) => {
    const conditions: { type: string; status: string }[] = status?.conditions ?? [];
    return conditions.find(({ type }) => type === "Dangling")?.status ?? "?";
  }),
];

export const priorityLevelColumns: TableColumn[] = [
  nameColumn,
  text("Type", ({ spec }) => spec?.type),
  text("NominalConcurrencyShares", ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? "<none>"),
  text("Queues", ({ spec }) => spec?.limited?.limitResponse?.queuing?.queues ?? "<none>"),
  text("HandSize", ({ spec }) => spec?.limited?.limitResponse?.queuing?.handSize ?? "<none>"),
  text("QueueLengthLimit", ({ spec }) => spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? "<none>"),
  ageColumn,
];

export const resourceClaimColumns: TableColumn[] = [
  nameColumn,
  text("State", ({ metadata, status }) => {
    const states = [
      ...(metadata.deletionTimestamp ? ["deleted"] : []),
      ...(status?.allocation ? ["allocated"] : []),
      ...((status?.reservedFor ?? []).length > 0 ? ["reserved"] : []),
    ];
    return states.length > 0 ? states.join(",") : "pending";
  }),
  ageColumn,
];

export const resourceSliceColumns: TableColumn[] = [
  nameColumn,
  text("Node", ({ spec }) => spec?.nodeName ?? (spec?.allNodes ? "<all>" : "<none>")),
  text("Driver", ({ spec }) => spec?.driver),
  text("Pool", ({ spec }) => spec?.pool?.name),
  ageColumn,
];

const healthOf = ({ conditions }: Row) =>
  (conditions ?? []).find(({ type }: { type: string }) => type === "Healthy") ?? {};

export const componentColumns: TableColumn[] = [
  nameColumn,
  text("Status", (component) => {
    const { status } = healthOf(component);
    return status === "True" ? "Healthy" : status === "False" ? "Unhealthy" : "Unknown";
  }),
  text("Message", (component) => healthOf(component).message ?? ""),
  text("Error", (component) => healthOf(component).error ?? ""),
];
