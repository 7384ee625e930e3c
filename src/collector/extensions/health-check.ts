/** `health_check`: says over HTTP whether the pipelines run (upstream contrib `extension/healthcheckextension`). */
import { type HttpServer, jsonResponse } from "../../base/network.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import type { ExtensionFactory } from "../component.ts";
import { any, type Infer, object, optional, string } from "../config/schema.ts";
import { splitEndpoint } from "../receivers/otlp.ts";

const CONFIG = object({
  endpoint: string("localhost:13133"),
  path: string("/"),
  response_body: optional(object({ healthy: string(), unhealthy: string() })),
  check_collector_pipeline: any(),
  tls: any(),
});

export const healthCheckExtension: ExtensionFactory<Infer<typeof CONFIG>> = {
  type: "health_check",
  schema: CONFIG,
  validate(config) {
    if (splitEndpoint(config.endpoint) === undefined) {
      return `endpoint: address ${config.endpoint}: missing port in address`;
    }
    return config.path.startsWith("/") ? undefined : "path must start with /";
  },
  create(config, { network, clock, log }) {
    const startedMs = clock.now();
    let readySinceMs: number | undefined;
    let server: HttpServer;
    return {
      async start() {
        log.info("Starting health_check extension", {
          config: { endpoint: config.endpoint, path: config.path },
        });
        server = await network.serve(splitEndpoint(config.endpoint)!, ({ target }) => {
          if (target.split("?", 1)[0] !== config.path) return { status: 404, body: "404 page not found\n" };
          const status = readySinceMs === undefined ? 503 : 200;
          const custom =
            readySinceMs === undefined ? config.response_body?.unhealthy : config.response_body?.healthy;
          if (custom) return { status, body: custom };
          return jsonResponse(status, bodyOf(startedMs, readySinceMs, clock.now()));
        });
      },
      ready() {
        readySinceMs = clock.now();
        log.info("Health Check state change", { status: "ready" });
      },
      notReady() {
        readySinceMs = undefined;
        log.info("Health Check state change", { status: "unavailable" });
      },
      shutdown: async () => server?.close(),
    };
  },
};

function bodyOf(startedMs: number, readySinceMs: number | undefined, nowMs: number) {
  if (readySinceMs === undefined) return { status: "Server not available" };
  return {
    status: "Server available",
    upSince: new Date(startedMs).toISOString(),
    uptime: formatGoDuration(nowMs - readySinceMs),
  };
}
