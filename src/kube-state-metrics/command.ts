/** `topology run kube-state-metrics`, with upstream's flags. */
import { parseArgs } from "node:util";
import type { Command } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { createInClusterClient } from "../wire/kubernetes/in-cluster.ts";
import { parseCustomResourceConfig } from "./custom-resource/custom-resource-config.ts";
import { parseLabelAllowList } from "./label-allow-list.ts";
import { handleMetrics, startKubeStateMetrics } from "./mod.ts";

const FLAGS = {
  host: { type: "string", default: "::" },
  port: { type: "string", default: "8080" },
  "telemetry-host": { type: "string", default: "::" },
  "telemetry-port": { type: "string", default: "8081" },
  resources: { type: "string", multiple: true },
  namespaces: { type: "string", multiple: true },
  "namespaces-denylist": { type: "string", multiple: true },
  "metric-allowlist": { type: "string", multiple: true },
  "metric-denylist": { type: "string", multiple: true },
  "metric-opt-in-list": { type: "string", multiple: true },
  "metric-labels-allowlist": { type: "string", default: "" },
  "metric-annotations-allowlist": { type: "string", default: "" },
  "custom-resource-state-config": { type: "string" },
  "custom-resource-state-config-file": { type: "string" },
  "custom-resource-state-only": { type: "boolean" },
  // Lists come from the API server's memory in any case.
  "use-apiserver-cache": { type: "boolean" },
  // How much is logged.
  v: { type: "string", short: "v" },
} as const;

/** `a,b` and the same flag again: all of it, without empty parts. */
const parts = (values: string[] | undefined): string[] | undefined =>
  values
    ?.flatMap((value) => value.split(","))
    .map((part) => part.trim())
    .filter((part) => part !== "");

export const command: Command = async (args, system) => {
  const { values: flags } = parseArgs({ args, options: FLAGS, strict: true });
  const { network, log, clock, signal, disk } = system;
  const configFile = flags["custom-resource-state-config-file"];
  const configText =
    configFile === undefined
      ? flags["custom-resource-state-config"]
      : new TextDecoder().decode(await disk.readFile(configFile));
  const resources = parts(flags.resources);
  const metrics = startKubeStateMetrics({
    api: await createInClusterClient(system),
    clock,
    log,
    signal,
    resources: resources?.length === 0 ? undefined : resources,
    namespaces: parts(flags.namespaces),
    namespacesDenied: parts(flags["namespaces-denylist"]),
    customResources:
      configText === undefined && !flags["custom-resource-state-only"]
        ? undefined
        : {
            config: configText === undefined ? [] : parseCustomResourceConfig(configText),
            only: flags["custom-resource-state-only"],
          },
    families: {
      allow: parts(flags["metric-allowlist"]),
      deny: parts(flags["metric-denylist"]),
      optIn: parts(flags["metric-opt-in-list"]),
    },
    allow: {
      labels: parseLabelAllowList(flags["metric-labels-allowlist"]),
      annotations: parseLabelAllowList(flags["metric-annotations-allowlist"]),
    },
  });
  // Who is asked to end before the cluster answered has nothing to serve.
  await Promise.race([metrics.ready, untilAborted(signal)]);
  if (signal.aborted) return 0;
  const server = await network.serve({ host: flags.host, port: Number(flags.port) }, (request) =>
    handleMetrics(metrics, request),
  );
  const telemetry = await network.serve(
    { host: flags["telemetry-host"], port: Number(flags["telemetry-port"]) },
    (request) => handleMetrics({ exposition: () => BUILD_INFO }, request),
  );
  log.info("Started metrics server", { port: server.port });
  await untilAborted(signal);
  await Promise.all([server.close(), telemetry.close()]);
  return 0;
};

/** What it says of itself on the telemetry port. */
const BUILD_INFO = `# HELP kube_state_metrics_build_info A metric with a constant '1' value labeled by version, revision, branch, goversion from which kube_state_metrics was built, and the goos and goarch for the build.
# TYPE kube_state_metrics_build_info gauge
kube_state_metrics_build_info{branch="",goarch="",goos="",goversion="",revision="percolate-topology",version="v2.20.0"} 1
`;
