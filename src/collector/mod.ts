/**
 * The OpenTelemetry Collector: receives telemetry by OTLP, processes it in pipelines and hands it on.
 *
 * Stands for `otel/opentelemetry-collector-contrib` v0.159: the same configuration file, messages, protocols, exit
 * codes and self-metrics, with the components that `factories.ts` lists. Differs on purpose:
 *
 * - no TLS on servers and on gRPC clients, no authenticators: a configuration that asks for them is refused;
 * - the memory limiter cannot force a garbage collection;
 * - `--config` and `${…}` take `file:`, `env:` and `yaml:`, and no web addresses.
 */
export type { CollectorConfig } from "./config/collector-config.ts";
export { ConfigError, InvalidConfigError } from "./config/config-error.ts";
export { decodeConfig } from "./config/decode-config.ts";
export { loadConfig } from "./config/load-config.ts";
export { FACTORIES } from "./factories.ts";
export { Service, type ServiceSettings } from "./service/service.ts";
