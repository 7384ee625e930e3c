/**
 * Families of what a namespace holds besides workloads: Namespaces, ConfigMaps, Secrets (never their data),
 * ServiceAccounts and Leases (upstream `namespace.go`, `configmap.go`, `secret.go`, `serviceaccount.go`, `lease.go`).
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  conditionFamily,
  createdFamily,
  type Family,
  flag,
  gauge,
  info,
  labelled,
  labelsFamily,
  ownerFamily,
  presenceFamily,
  resourceVersionFamily,
  unixSeconds,
  unixTime,
} from "../family.ts";

export const NAMESPACE_FAMILIES: Family[] = [
  createdFamily("namespace"),
  annotationsFamily("namespace"),
  labelsFamily("namespace"),
  gauge("kube_namespace_status_phase", "kubernetes namespace status phase.", ({ status }) =>
    ["Active", "Terminating"].map((phase) => labelled({ phase }, flag(status?.phase === phase))),
  ),
  conditionFamily("kube_namespace_status_condition", "The condition of a namespace.", alphaGauge),
];

export const CONFIG_MAP_FAMILIES: Family[] = [
  annotationsFamily("configmap"),
  labelsFamily("configmap"),
  presenceFamily("kube_configmap_info", "Information about configmap."),
  createdFamily("configmap"),
  resourceVersionFamily("configmap", "the configmap"),
];

export const SECRET_FAMILIES: Family[] = [
  presenceFamily("kube_secret_info", "Information about secret."),
  gauge("kube_secret_type", "Type about secret.", (secret) => [
    info({ type: (secret as { type?: string }).type }),
  ]),
  annotationsFamily("secret"),
  labelsFamily("secret"),
  createdFamily("secret"),
  resourceVersionFamily("secret", "secret"),
  ownerFamily("secret", "Secret's", alphaGauge),
];

interface ServiceAccount extends KubernetesObject {
  automountServiceAccountToken?: boolean | null;
  secrets?: { name?: string }[];
  imagePullSecrets?: { name?: string }[];
}

export const SERVICE_ACCOUNT_FAMILIES: Family[] = [
  alphaGauge("kube_serviceaccount_info", "Information about a service account", (account) => [
    info({ automount_token: (account as ServiceAccount).automountServiceAccountToken?.toString() }),
  ]),
  createdFamily("serviceaccount", alphaGauge),
  // Not the usual name, upstream as here.
  alphaGauge("kube_serviceaccount_deleted", "Unix deletion timestamp", ({ metadata }) =>
    unixTime(metadata.deletionTimestamp),
  ),
  alphaGauge("kube_serviceaccount_secret", "Secret being referenced by a service account", (account) =>
    ((account as ServiceAccount).secrets ?? []).map(({ name }) => info({ name })),
  ),
  alphaGauge(
    "kube_serviceaccount_image_pull_secret",
    "Secret being referenced by a service account for the purpose of pulling images",
    (account) => ((account as ServiceAccount).imagePullSecrets ?? []).map(({ name }) => info({ name })),
  ),
  annotationsFamily("serviceaccount"),
  labelsFamily("serviceaccount", alphaGauge),
];

/** The namespace is no label that all share here, but one of each family's own. */
export const LEASE_FAMILIES: Family[] = [
  alphaGauge("kube_lease_owner", "Information about the Lease's owner.", ({ metadata, spec }) => {
    const owners = metadata.ownerReferences ?? [];
    return (owners.length === 0 ? [{ kind: "", name: "" }] : owners).map(({ kind, name }) =>
      info({
        owner_kind: kind,
        owner_name: name,
        namespace: metadata.namespace,
        lease_holder: spec?.holderIdentity,
      }),
    );
  }),
  alphaGauge("kube_lease_renew_time", "Kube lease renew time.", ({ metadata, spec }) =>
    spec?.renewTime == null
      ? []
      : [labelled({ namespace: metadata.namespace ?? "" }, unixSeconds(spec.renewTime))],
  ),
];
