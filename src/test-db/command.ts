/** `topology run test-db`: see `mod.ts`. Flags have defaults from the environment that the manifest sets. */
import { parseArgs } from "node:util";
import { numberFlag, programCommand } from "../base/program-command.ts";
import type { System } from "../base/system.ts";
import type { KubernetesApi } from "../model/kubernetes-api.ts";
import { ACTIVE_WINDOW_MS, openTelemetry } from "../telemetry/mod.ts";
import { createInClusterClient, inClusterNamespace } from "../wire/kubernetes/in-cluster.ts";
import { runTestDb } from "./test-db.ts";

const USAGE = `usage: topology run test-db [flags]

  --port PORT             HTTP: the API, /metrics, /health and /ready (default 8000)
  --host ADDRESS          to listen on (default 0.0.0.0)
  --data-dir DIR          the volume (default /data)
  --active-window SECONDS a tenant counts as active for this long (default 300)
  --leave-limit SECONDS   time to hand over when scaled away (default 55)
  --standalone            without Kubernetes: a tier of one pod

environment: POD_NAME, POD_IP, POD_NAMESPACE, TIER, and OpenTelemetry's OTEL_*
`;

const FLAGS = {
  port: { type: "string", default: "8000" },
  host: { type: "string", default: "0.0.0.0" },
  "data-dir": { type: "string", default: "/data" },
  "active-window": { type: "string", default: String(ACTIVE_WINDOW_MS / 1000) },
  "leave-limit": { type: "string", default: "55" },
  standalone: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

export const command = programCommand({ name: "test-db", usage: USAGE, parse, run });

function parse(args: string[]) {
  const { values } = parseArgs({ args, options: FLAGS, strict: true });
  return {
    ...values,
    port: numberFlag("port", values.port, 0, 65_535),
    activeWindowMs: numberFlag("active-window", values["active-window"], 1, 86_400) * 1000,
    leaveLimitMs: numberFlag("leave-limit", values["leave-limit"], 1, 86_400) * 1000,
  };
}

async function run(values: ReturnType<typeof parse>, system: System): Promise<void> {
  const { env } = system;
  const api: KubernetesApi | undefined = values.standalone ? undefined : await createInClusterClient(system);
  const { createSqliteEngine } = await import("./sqlite-engine.ts");
  await runTestDb(
    {
      ...values,
      dataDirectory: values["data-dir"],
      pod: env["POD_NAME"] ?? env["HOSTNAME"] ?? "test-db-0",
      podIp: env["POD_IP"] ?? "127.0.0.1",
      namespace: env["POD_NAMESPACE"] ?? (values.standalone ? "default" : await inClusterNamespace(system)),
      tier: env["TIER"] ?? "small",
      api,
      engine: createSqliteEngine(system.disk),
      exporter: openTelemetry(system.clock),
    },
    system,
  );
}
