/** `topology run kube-state-metrics`, with upstream's flags. */
import { parseArgs } from "node:util";
import type { Command } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { createInClusterClient } from "../wire/kubernetes/in-cluster.ts";
import { parseLabelAllowList } from "./label-allow-list.ts";
import { handleMetrics, startKubeStateMetrics } from "./mod.ts";

const FLAGS = {
  host: { type: "string", default: "::" },
  port: { type: "string", default: "8080" },
  "telemetry-host": { type: "string", default: "::" },
  "telemetry-port": { type: "string", default: "8081" },
  resources: { type: "string" },
  "metric-labels-allowlist": { type: "string", default: "" },
  "metric-annotations-allowlist": { type: "string", default: "" },
} as const;

export const command: Command = async (args, system) => {
  const { values: flags } = parseArgs({ args, options: FLAGS, strict: true });
  const { network, log, clock, signal } = system;
  const metrics = startKubeStateMetrics({
    api: await createInClusterClient(system),
    clock,
    log,
    signal,
    resources: flags.resources?.split(",").filter((resource) => resource !== ""),
    allow: {
      labels: parseLabelAllowList(flags["metric-labels-allowlist"]),
      annotations: parseLabelAllowList(flags["metric-annotations-allowlist"]),
    },
  });
  // Who is asked to end before the cluster answered has nothing to serve.
  await Promise.race([metrics.ready, untilAborted(signal)]);
  if (signal.aborted) return 0;
  const server = await network.serve({ host: flags.host, port: Number(flags.port) }, ({ target }) =>
    handleMetrics(metrics, target),
  );
  const telemetry = await network.serve(
    { host: flags["telemetry-host"], port: Number(flags["telemetry-port"]) },
    ({ target }) => handleMetrics({ ...metrics, exposition: () => BUILD_INFO }, target),
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
