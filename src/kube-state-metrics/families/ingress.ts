/** Families of Ingresses, IngressClasses and NetworkPolicies (upstream `ingress.go`, `ingressclass.go`, `networkpolicy.go`). */
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  type Family,
  gauge,
  info,
  labelsFamily,
  numberFamily,
  one,
  resourceVersionFamily,
  unixSeconds,
} from "../family.ts";

interface Path {
  path?: string;
  pathType?: string;
  backend: {
    service?: { name: string; port?: { number?: number } };
    resource?: { apiGroup?: string; kind?: string; name?: string };
  };
}

interface Rule {
  host?: string;
  http?: { paths?: Path[] };
}

const pathLabels = (host: string | undefined, { path, pathType, backend: { service, resource } }: Path) => ({
  host,
  path,
  path_type: pathType,
  ...(service
    ? { service_name: service.name, service_port: String(service.port?.number ?? 0) }
    : {
        resource_api_group: resource?.apiGroup,
        resource_kind: resource?.kind,
        resource_name: resource?.name,
      }),
});

export const INGRESS_FAMILIES: Family[] = [
  gauge("kube_ingress_info", "Information about ingress.", ({ metadata, spec }) => [
    info({
      ingressclass:
        metadata.annotations?.["kubernetes.io/ingress.class"] ?? spec.ingressClassName ?? "_default",
    }),
  ]),
  annotationsFamily("ingress"),
  labelsFamily("ingress"),
  createdFamily("ingress"),
  resourceVersionFamily("ingress", "ingress"),
  gauge("kube_ingress_path", "Ingress host, paths and backend service information.", ({ spec }) =>
    ((spec.rules ?? []) as Rule[]).flatMap(({ host, http }) =>
      (http?.paths ?? []).map((path) => info(pathLabels(host, path))),
    ),
  ),
  gauge("kube_ingress_tls", "Ingress TLS host and secret information.", ({ spec }) =>
    ((spec.tls ?? []) as { hosts?: string[]; secretName?: string }[]).flatMap(({ hosts = [], secretName }) =>
      hosts.map((host) => info({ tls_host: host, secret: secretName })),
    ),
  ),
];

export const INGRESS_CLASS_FAMILIES: Family[] = [
  alphaGauge("kube_ingressclass_info", "Information about ingressclass.", ({ spec }) => [
    info({ controller: spec?.controller }),
  ]),
  createdFamily("ingressclass", alphaGauge),
  annotationsFamily("ingressclass"),
  labelsFamily("ingressclass", alphaGauge),
];

export const NETWORK_POLICY_FAMILIES: Family[] = [
  alphaGauge("kube_networkpolicy_created", "Unix creation timestamp of network policy", ({ metadata }) =>
    one(unixSeconds(metadata.creationTimestamp)),
  ),
  annotationsFamily("networkpolicy"),
  labelsFamily("networkpolicy", alphaGauge),
  numberFamily(
    "kube_networkpolicy_spec_ingress_rules",
    "Number of ingress rules on the networkpolicy",
    ({ spec }) => spec?.ingress?.length,
    alphaGauge,
  ),
  numberFamily(
    "kube_networkpolicy_spec_egress_rules",
    "Number of egress rules on the networkpolicy",
    ({ spec }) => spec?.egress?.length,
    alphaGauge,
  ),
];
