/** The dashboards of the topology. `tools/generate-dashboards.ts` writes them into the manifest that Grafana mounts. */
import { pipelines } from "./pipelines.ts";
import { scaling } from "./scaling.ts";
import { tenants } from "./tenants.ts";

/** By file name. */
export const DASHBOARDS: Readonly<Record<string, object>> = {
  "tenants.json": tenants,
  "scaling.json": scaling,
  "pipelines.json": pipelines,
};
