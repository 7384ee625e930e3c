/** `topology run kube-state-metrics`, with upstream's flags. */
import type { Command, System } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { createInClusterClient } from "../wire/kubernetes/in-cluster.ts";
import { type CommandFlags, parseCommandFlags, USAGE } from "./command-flags.ts";
import { parseCustomResourceConfig } from "./custom-resource/custom-resource-config.ts";
import { parseLabelAllowList } from "./label-allow-list.ts";
import { handleMetrics, startKubeStateMetrics } from "./mod.ts";

export const command: Command = async (args, system) => {
  let flags: CommandFlags;
  try {
    flags = parseCommandFlags(args);
  } catch (error) {
    system.print(`Error: ${(error as Error).message}\n${USAGE}`);
    return 1;
  }
  if (flags.help) {
    system.print(USAGE);
    return 0;
  }
  try {
    await serve(flags, system);
    return 0;
  } catch (error) {
    system.log.error("Failed to run kube-state-metrics", { error });
    return 1;
  }
};

async function serve(flags: CommandFlags, system: System): Promise<void> {
  const { network, log, clock, signal, disk } = system;
  const { customResourceConfigFile, customResourcesOnly } = flags;
  const configText =
    customResourceConfigFile === undefined
      ? flags.customResourceConfig
      : new TextDecoder().decode(await disk.readFile(customResourceConfigFile));
  const metrics = startKubeStateMetrics({
    api: await createInClusterClient(system),
    clock,
    log,
    signal,
    resources: flags.resources,
    namespaces: flags.namespaces,
    namespacesDenied: flags.namespacesDenied,
    customResources:
      configText === undefined && !customResourcesOnly
        ? undefined
        : {
            config: configText === undefined ? [] : parseCustomResourceConfig(configText),
            only: customResourcesOnly,
          },
    families: {
      allow: flags.metricAllowList,
      deny: flags.metricDenyList,
      optIn: flags.metricOptInList,
    },
    allow: {
      labels: parseLabelAllowList(flags.labelsAllowList),
      annotations: parseLabelAllowList(flags.annotationsAllowList),
    },
  });
  // Who is asked to end before the cluster answered has nothing to serve.
  await Promise.race([metrics.ready, untilAborted(signal)]);
  if (signal.aborted) return;
  const server = await network.serve({ host: flags.host, port: flags.port }, (request) =>
    handleMetrics(metrics, request),
  );
  const telemetry = await network.serve({ host: flags.telemetryHost, port: flags.telemetryPort }, (request) =>
    handleMetrics({ exposition: () => BUILD_INFO }, request),
  );
  log.info("Started metrics server", { port: server.port });
  await untilAborted(signal);
  await Promise.all([server.close(), telemetry.close()]);
}

/** What it says of itself on the telemetry port. */
const BUILD_INFO = `# HELP kube_state_metrics_build_info A metric with a constant '1' value labeled by version, revision, branch, goversion from which kube_state_metrics was built, and the goos and goarch for the build.
# TYPE kube_state_metrics_build_info gauge
kube_state_metrics_build_info{branch="",goarch="",goos="",goversion="",revision="percolate-topology",version="v2.20.0"} 1
`;
