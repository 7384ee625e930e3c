/** The stores of traces and logs on their own ports, Tempo's and Loki's. Opened and loaded when the process starts. */
import type { HttpHandler, HttpServer } from "../base/network.ts";
import type { System } from "../base/system.ts";
import { GrpcCode, GrpcError } from "../wire/grpc/status.ts";
import {
  DEFAULT_HTTP_BODY_LIMIT_BYTES,
  type OtlpPayload,
  otlpHttpHandler,
} from "../wire/otlp/http-handler.ts";
import type { Signal } from "../wire/otlp/signal.ts";
import { LogStore } from "./logs/log-store.ts";
import { lokiHandler } from "./logs/loki-api.ts";
import type { GrafanaSettings } from "./settings.ts";
import { tempoHandler } from "./traces/tempo-api.ts";
import { TraceStore } from "./traces/trace-store.ts";

export interface Stores {
  /** Tempo's API, its OTLP port and Loki's port, in this order. */
  servers: HttpServer[];
  close(): Promise<void>;
}

type Needs = Pick<System, "network" | "disk" | "clock" | "log">;

export async function startStores(
  settings: GrafanaSettings,
  { network, disk, clock, log }: Needs,
): Promise<Stores> {
  const { dataPath, host, tempo, lokiPort } = settings;
  await disk.makeDirectory(dataPath);
  const traces = new TraceStore(disk.realPath(`${dataPath}/traces.db`));
  const logs = new LogStore(disk.realPath(`${dataPath}/logs.db`));
  const nowUnixNano = () => BigInt(clock.now()) * 1_000_000n;
  const consume = async (payload: OtlpPayload) => {
    if (payload.signal === "traces") traces.add(payload.data);
    else if (payload.signal === "logs") logs.addOtlp(payload.data, nowUnixNano());
  };
  const statusOf = (error: unknown) => {
    log.error("telemetry could not be stored", { error });
    return new GrpcError(GrpcCode.UNAVAILABLE, (error as Error).message);
  };
  const otlp = (path: string, signal: Signal) =>
    otlpHttpHandler({
      paths: new Map([[path, signal]]),
      bodyLimitBytes: DEFAULT_HTTP_BODY_LIMIT_BYTES,
      consume,
      statusOf,
    });
  const loki = lokiHandler(logs, nowUnixNano);
  const lokiOtlp = otlp("/otlp/v1/logs", "logs");
  const handlers: [port: number | undefined, handler: HttpHandler][] = [
    [tempo?.httpPort, tempoHandler(traces)],
    [tempo?.otlpPort, otlp("/v1/traces", "traces")],
    [lokiPort, (request) => (request.target.startsWith("/otlp/") ? lokiOtlp(request) : loki(request))],
  ];
  const servers: HttpServer[] = [];
  for (const [port, handler] of handlers) {
    if (port !== undefined) servers.push(await network.serve({ host, port }, handler));
  }
  return {
    servers,
    async close() {
      await Promise.all(servers.map((server) => server.close(1_000)));
      traces.close();
      logs.close();
    },
  };
}
