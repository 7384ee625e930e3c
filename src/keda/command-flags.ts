/** The flags of `topology run keda-operator`: upstream's, of its operator and of its metrics adapter. */
import { parseArgs } from "node:util";
import { DEFAULT_BURST, DEFAULT_QPS } from "../wire/kubernetes/throttled-api.ts";
import { DEFAULT_CA_DIRECTORY } from "./scaler-trust.ts";

const text = (fallback: string) => ({ type: "string" as const, default: fallback });

/** Those that mean nothing here are taken and left alone. */
const FLAGS = {
  "metrics-bind-address": text(":8080"),
  "health-probe-bind-address": text(":8081"),
  "profiling-bind-address": text(""),
  "secure-port": text("6443"),
  "cert-dir": text("/certs"),
  "cert-secret-name": text("kedaorg-certs"),
  "ca-dir": { type: "string" as const, multiple: true as const, default: [DEFAULT_CA_DIRECTORY] },
  "zap-log-level": text("info"),
  "zap-encoder": text("console"),
  "zap-time-encoding": text("rfc3339"),
  "metrics-service-bind-address": text(":9666"),
  "leader-elect": text("false"),
  "leader-election-id": text("operator.keda.sh"),
  "kube-api-qps": text(String(DEFAULT_QPS)),
  "kube-api-burst": text(String(DEFAULT_BURST)),
  "disable-compression": text("true"),
  "enable-cert-rotation": text("false"),
  "enable-webhook-patching": text("true"),
  "enable-apiservice-patching": text("true"),
  "enable-prometheus-metrics": text("true"),
  "enable-opentelemetry-metrics": text("false"),
  "enable-high-cardinality-metrics-labels": text("false"),
  "http-max-idle-conns": text("0"),
  "http-max-idle-conns-per-host": text("1000"),
  "http-idle-conn-timeout": text("90s"),
  "operator-service-name": text("keda-operator"),
  "metrics-server-service-name": text("keda-metrics-apiserver"),
  "webhooks-service-name": text("keda-admission-webhooks"),
  "k8s-cluster-name": text("kubernetes-default"),
  "k8s-cluster-domain": text("cluster.local"),
  "validating-webhook-name": text("keda-admission"),
  "filepath-auth-root-path": text(""),
};

/** A flag of these stands for `=true` when it has no value. */
const BOOLEANS = new Set(
  [
    "leader-elect",
    "disable-compression",
    ...Object.keys(FLAGS).filter((flag) => flag.startsWith("enable-")),
  ].map((flag) => `--${flag}`),
);

export type CommandFlags = ReturnType<typeof parseCommandFlags>;

/** @throws TypeError naming a flag that there is not */
export function parseCommandFlags(args: readonly string[]) {
  const given = args.map((arg) => (BOOLEANS.has(arg) ? `${arg}=true` : arg));
  return parseArgs({ args: given, options: FLAGS, strict: true }).values;
}
