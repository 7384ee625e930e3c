/** Where the outside comes in: ports on 127.0.0.1 that lead to Services of the topology. */
import type { Cluster } from "../kubernetes/mod.ts";
import { listenOnFreePort } from "./free-port.ts";

/** The options that choose a port. */
export type PortOption =
  | "prometheus-port"
  | "grafana-port"
  | "router-port"
  | "otlp-grpc-port"
  | "otlp-http-port";

interface EntryPointKind {
  name: string;
  option: PortOption;
  service: string;
  servicePort: number;
  /** What the table of `up` says beside the URL. */
  note: string;
}

export interface EntryPoint extends EntryPointKind {
  port: number;
  given: boolean;
}

const NAMESPACE = "percolate-test";

export const ENTRY_POINTS: EntryPointKind[] = [
  {
    name: "Grafana",
    option: "grafana-port",
    service: "grafana",
    servicePort: 3000,
    note: "dashboards (admin / admin)",
  },
  {
    name: "Prometheus",
    option: "prometheus-port",
    service: "prometheus",
    servicePort: 9090,
    note: "queries, targets",
  },
  {
    name: "Router",
    option: "router-port",
    service: "router",
    servicePort: 8080,
    note: "tenants: send X-Tenant-ID",
  },
  { name: "OTLP gRPC", option: "otlp-grpc-port", service: "otel-collector", servicePort: 4317, note: "" },
  { name: "OTLP HTTP", option: "otlp-http-port", service: "otel-collector", servicePort: 4318, note: "" },
];

/** Opens all of them; they answer as soon as a pod behind them is ready. */
export async function openEntryPoints(
  cluster: Pick<Cluster, "forward">,
  entryPoints: EntryPoint[],
  warn: (message: string) => void,
): Promise<{ name: string; url: string; note: string }[]> {
  const opened = [];
  for (const { name, option, service, servicePort, note, port, given } of entryPoints) {
    const listen = (at: number) =>
      cluster.forward({ host: "127.0.0.1", port: at }, { namespace: NAMESPACE, service, port: servicePort });
    const server = await listenOnFreePort({ flag: `--${option}`, port, given }, listen, warn);
    opened.push({ name, url: `http://127.0.0.1:${server.port}`, note });
  }
  return opened;
}
