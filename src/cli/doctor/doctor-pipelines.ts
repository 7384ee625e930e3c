/** The traps between the parts: scraping, pushing, flags, and queries that count the wrong thing. */
import { parse } from "yaml";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { Examination, type Finding, type Found } from "./doctor-finding.ts";

type ConfigMap = KubernetesObject & { data?: Record<string, string> };

interface PipelineFacts {
  /** A Prometheus scrapes pods that push by OTLP as well. */
  bothPipelines: boolean;
  /** A Collector writes to Prometheus. */
  remoteWrite: boolean;
  /** Somebody asks for labels of pods or nodes. */
  labelsAsked: boolean;
}

export function examinePipelines(all: Found[]): Finding[] {
  const facts = factsOf(all);
  return all.flatMap((found) => {
    const examination = new Examination(found);
    const { object } = found;
    if (object.kind === "ConfigMap") {
      for (const text of Object.values((object as ConfigMap).data ?? {})) {
        checkCollector(examination, text, facts);
        checkScrapeConfig(examination, text);
        checkQueries(examination, text);
      }
    }
    for (const container of containersOf(object)) {
      checkPrometheusFlags(examination, container, facts);
      checkKubeStateMetrics(examination, container, facts);
    }
    return examination.findings;
  });
}

interface Container {
  image: string;
  args?: string[];
  command?: string[];
  env?: { name: string; value?: string }[];
}

function containersOf(object: KubernetesObject): Container[] {
  const { containers } = (object.spec?.template?.spec ?? {}) as { containers?: Container[] };
  return containers ?? [];
}

function factsOf(all: Found[]): PipelineFacts {
  const containers = all.flatMap(({ object }) => containersOf(object));
  const texts = all.flatMap(({ object }) =>
    object.kind === "ConfigMap" ? Object.values((object as ConfigMap).data ?? {}) : [],
  );
  const scraped = all.some(
    ({ object }) => object.spec?.template?.metadata?.annotations?.["prometheus.io/scrape"] === "true",
  );
  const pushes = containers.some(({ env = [] }) =>
    env.some(({ name }) => name === "OTEL_EXPORTER_OTLP_ENDPOINT"),
  );
  return {
    bothPipelines: scraped && pushes,
    remoteWrite: texts.some((text) => exportersOf(text).some(([name]) => isRemoteWrite(name))),
    labelsAsked: texts.some((text) => /kube_(pod|node)_labels/.test(text)),
  };
}

/** The exporters of a Collector's configuration; none where the text is something else. */
function exportersOf(text: string): [name: string, config: Record<string, unknown>][] {
  if (!/^exporters:/m.test(text)) return [];
  try {
    const { exporters = {} } = parse(text) as { exporters?: Record<string, Record<string, unknown> | null> };
    return Object.entries(exporters).map(([name, config]) => [name, config ?? {}]);
  } catch {
    return [];
  }
}

const isRemoteWrite = (name: string) => name.split("/")[0] === "prometheusremotewrite";

function checkCollector(examination: Examination, text: string, { bothPipelines }: PipelineFacts): void {
  for (const [name, config] of exportersOf(text)) {
    if (name.split("/")[0] === "logging")
      examination.fail("logging-exporter", "the Collector has no exporter logging any more", "call it debug");
    if (!isRemoteWrite(name)) continue;
    if (config.namespace) {
      examination.ok(
        "two-pipelines",
        `pushed series have the namespace ${config.namespace}, scraped ones have none`,
      );
    } else if (bothPipelines) {
      examination.fail(
        "two-pipelines",
        "pushed series get the names of scraped ones: every tenant is counted twice, and KEDA runs twice the pods",
        `set namespace: otlp in ${name}`,
      );
    } else {
      examination.warn(
        "two-pipelines",
        "pushed series have no namespace of their own: they collide as soon as the same pods are scraped",
        `set namespace: otlp in ${name}`,
      );
    }
  }
}

function checkScrapeConfig(examination: Examination, text: string): void {
  if (!/^scrape_configs:/m.test(text) || !text.includes("prometheus_io_scrape")) return;
  for (const [annotation, target] of [
    ["prometheus_io_port", "__address__"],
    ["prometheus_io_path", "__metrics_path__"],
  ]) {
    if (text.includes(annotation) && text.includes(`target_label: ${target}`)) continue;
    examination.fail(
      "scrape-annotations",
      `pods are kept by prometheus.io/scrape, but ${annotation.replaceAll("_", ".").replace(".io.", ".io/")} is not applied`,
      `add a relabelling to ${target}`,
    );
  }
  if (!/__meta_kubernetes_pod_label_app|labelmap/.test(text)) {
    examination.warn(
      "scrape-labels",
      "the label app of pods is not mapped",
      "add a relabelling, or a labelmap",
    );
  }
  if (!examination.findings.some(({ check }) => check.startsWith("scrape-")))
    examination.ok("scrape-annotations", "prometheus.io/port and prometheus.io/path are applied");
}

const OLD_HTTP_NAMES =
  /http_server_(duration|request_size|response_size)(_milliseconds|_bytes)?_(bucket|sum|count)/;

/** PromQL in dashboards and rules. */
function checkQueries(examination: Examination, text: string): void {
  const queries = [...text.matchAll(/"?expr"?:\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\n]+))/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain,
  );
  for (const query of queries) {
    if (/\bcount\s*(by\s*\([^)]*\)\s*)?\(\s*kube_pod_status_phase/.test(query)) {
      examination.fail(
        "count-of-phases",
        `${query} counts every pod: there is a series per phase`,
        "use sum",
      );
    }
    if (/_total\b[^/]*\/[^/]*_total\b/.test(query) && !/\b(rate|irate|increase)\s*\(/.test(query)) {
      examination.warn("ratio-of-totals", `${query} is a ratio of lifetime counters`, "divide rate()s");
    }
    if (OLD_HTTP_NAMES.test(query)) {
      examination.warn(
        "old-http-names",
        `${query} asks for names that OpenTelemetry has given up`,
        "use http_server_request_duration_seconds, or set OTEL_SEMCONV_STABILITY_OPT_IN=http/dup",
      );
    }
  }
}

function checkPrometheusFlags(examination: Examination, container: Container, facts: PipelineFacts): void {
  const args = [...(container.command ?? []), ...(container.args ?? [])];
  if (
    !/(^|\/)prometheus(:|@|$)/.test(container.image) ||
    !args.some((arg) => arg.startsWith("--config.file"))
  )
    return;
  const has = (flag: string) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (facts.remoteWrite) {
    if (has("--web.enable-remote-write-receiver"))
      examination.ok("remote-write-receiver", "takes what the Collector writes");
    else {
      examination.fail(
        "remote-write-receiver",
        "the Collector's remote write is refused with 404",
        "add --web.enable-remote-write-receiver",
      );
    }
  }
  if (!args.some((arg) => /^--enable-feature=.*exemplar-storage/.test(arg)))
    examination.warn("exemplars", "exemplars are not kept", "add --enable-feature=exemplar-storage");
  if (!has("--query.lookback-delta")) {
    examination.warn(
      "lookback",
      "pods that go while Prometheus is away count for five minutes more",
      "add --query.lookback-delta=1m (four scrape intervals)",
    );
  }
}

function checkKubeStateMetrics(
  examination: Examination,
  { image, args = [] }: Container,
  facts: PipelineFacts,
): void {
  if (!/(^|\/)kube-state-metrics(:|@|$)/.test(image)) return;
  if (args.some((arg) => arg.startsWith("--metric-labels-allowlist"))) {
    examination.ok("metric-labels", "kube_pod_labels and kube_node_labels have labels");
    return;
  }
  const fix = "add --metric-labels-allowlist=pods=[app,tier],nodes=[*]";
  if (facts.labelsAsked)
    examination.fail(
      "metric-labels",
      "kube_pod_labels and kube_node_labels are asked for and have no labels",
      fix,
    );
  else examination.warn("metric-labels", "kube_pod_labels and kube_node_labels have no labels", fix);
}
