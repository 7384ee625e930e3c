/** `topology run grafana`: configured by `GF_…` variables and provisioning files, as upstream's image is. */
import type { Command } from "../base/system.ts";
import { untilAborted } from "../base/until-aborted.ts";
import {
  Authentication,
  DashboardStore,
  handleRequest,
  loadDataSources,
  settingsFrom,
  startStores,
  WebAssets,
} from "./mod.ts";

export const command: Command = async (_args, system) => {
  const { disk, env, network, log, clock, random, signal } = system;
  const settings = settingsFrom(env);
  const context = {
    network,
    authentication: new Authentication(settings, clock, random),
    dataSources: await loadDataSources(disk, settings.provisioningPath, env),
    dashboards: await DashboardStore.open(disk, log, settings, env),
  };
  const stores = await startStores(settings, system);
  const assets = new WebAssets();
  const server = await network.serve({ host: settings.host, port: settings.port }, (request) =>
    handleRequest(request, context, assets),
  );
  log.info("HTTP Server Listen", { logger: "http.server", address: `${server.host}:${server.port}` });
  await untilAborted(signal);
  await server.close(1_000);
  await stores.close();
  return 0;
};
