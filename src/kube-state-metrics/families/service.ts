/** Families of Services, Endpoints and EndpointSlices (upstream `service.go`, `endpoint.go`, `endpointslice.go`). */
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  deletionFamily,
  type Family,
  gauge,
  info,
  labelsFamily,
  presenceFamily,
} from "../family.ts";

export const SERVICE_FAMILIES: Family[] = [
  gauge("kube_service_info", "Information about service.", ({ spec }) => [
    info({
      cluster_ip: spec.clusterIP,
      external_name: spec.externalName,
      load_balancer_ip: spec.loadBalancerIP,
      external_traffic_policy: spec.externalTrafficPolicy,
    }),
  ]),
  createdFamily("service"),
  gauge("kube_service_spec_type", "Type about service.", ({ spec }) => [info({ type: spec.type })]),
  annotationsFamily("service"),
  labelsFamily("service"),
  gauge("kube_service_spec_external_ip", "Service external ips. One series for each ip", ({ spec }) =>
    (spec.externalIPs ?? []).map((ip: string) => info({ external_ip: ip })),
  ),
  gauge("kube_service_status_load_balancer_ingress", "Service load balancer ingress status", ({ status }) =>
    (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: { ip?: string; hostname?: string }) =>
      info({ ip, hostname }),
    ),
  ),
  deletionFamily("service"),
];

interface EndpointPort {
  name?: string;
  port?: number;
  protocol?: string;
}

interface Subset {
  addresses?: { ip: string }[];
  notReadyAddresses?: { ip: string }[];
  ports?: EndpointPort[];
}

const subsetsOf = (object: object): Subset[] => (object as { subsets?: Subset[] }).subsets ?? [];

export const ENDPOINTS_FAMILIES: Family[] = [
  presenceFamily("kube_endpoint_info", "Information about endpoint."),
  createdFamily("endpoint"),
  annotationsFamily("endpoint"),
  labelsFamily("endpoint"),
  gauge(
    "kube_endpoint_address",
    "Information about Endpoint available and non available addresses.",
    (object) =>
      subsetsOf(object).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) =>
        ports.flatMap(({ name, port, protocol }) => {
          const sample = (ready: string) => (address: { ip: string }) =>
            info({
              port_protocol: protocol,
              port_number: String(port ?? 0),
              port_name: name,
              ip: address.ip,
              ready,
            });
          return [...addresses.map(sample("true")), ...notReadyAddresses.map(sample("false"))];
        }),
      ),
  ),
  gauge("kube_endpoint_ports", "(Deprecated since v2.14.0) Information about the Endpoint ports.", (object) =>
    subsetsOf(object).flatMap(({ ports = [] }) =>
      ports.map(({ name, port, protocol }) =>
        info({ port_name: name, port_protocol: protocol, port_number: String(port ?? 0) }),
      ),
    ),
  ),
];

interface Endpoint {
  addresses?: string[];
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  hostname?: string;
  targetRef?: { kind?: string; name?: string; namespace?: string };
  nodeName?: string;
  zone?: string;
  hints?: { forZones?: { name: string }[] };
}

interface EndpointSlice {
  addressType?: string;
  endpoints?: Endpoint[];
  ports?: EndpointPort[];
}

const slice = (object: object): EndpointSlice => object as EndpointSlice;

export const ENDPOINT_SLICE_FAMILIES: Family[] = [
  alphaGauge("kube_endpointslice_info", "Information about endpointslice.", (object) => [
    info({ addresstype: slice(object).addressType }),
  ]),
  createdFamily("endpointslice", alphaGauge),
  alphaGauge("kube_endpointslice_endpoints_hints", "Topology routing hints attached to endpoints", (object) =>
    (slice(object).endpoints ?? []).flatMap(({ addresses, hints }) =>
      addresses?.length
        ? (hints?.forZones ?? []).map((zone) => info({ address: addresses[0], for_zone: zone.name }))
        : [],
    ),
  ),
  alphaGauge("kube_endpointslice_endpoints", "Endpoints attached to the endpointslice.", (object) =>
    (slice(object).endpoints ?? []).flatMap((endpoint) =>
      (endpoint.addresses ?? []).map((address) => info({ ...endpointLabels(endpoint), address })),
    ),
  ),
  alphaGauge("kube_endpointslice_ports", "Ports attached to the endpointslice.", (object) =>
    (slice(object).ports ?? []).map(({ name, protocol, port }) =>
      info({ port_name: name, port_protocol: protocol, port_number: port?.toString() }),
    ),
  ),
  annotationsFamily("endpointslice"),
  labelsFamily("endpointslice", alphaGauge),
];

const endpointLabels = ({ conditions, hostname, targetRef, nodeName, zone }: Endpoint) => ({
  ready: conditions?.ready?.toString(),
  serving: conditions?.serving?.toString(),
  hostname,
  terminating: conditions?.terminating?.toString(),
  targetref_kind: targetRef?.kind,
  targetref_name: targetRef?.name,
  targetref_namespace: targetRef?.namespace,
  endpoint_nodename: nodeName,
  endpoint_zone: zone,
});
