/** The section `tracing`. */
import { duration } from "./discovery-config.ts";
import { type TlsConfig, tlsConfig } from "./http-client-config.ts";
import { checkHeaders } from "./reserved-headers.ts";
import { boolean, ConfigError, float, mapping, parsed, struct, text } from "./strict-yaml.ts";

export interface TracingConfig {
  client_type: string;
  endpoint?: string;
  sampling_fraction?: number;
  insecure?: boolean;
  tls_config?: TlsConfig;
  headers?: Record<string, string>;
  compression?: string;
  timeout?: number;
}

export const tracing = struct<TracingConfig>({
  type: "config.plain",
  defaults: () => ({ client_type: "grpc" }),
  fields: {
    client_type: parsed<string>(
      (type) => {
        if (type !== "http" && type !== "grpc")
          throw new ConfigError(`expected tracing client type to be to be http or grpc, but got ${type}`);
        return type;
      },
      "grpc",
      "config.plain",
    ),
    endpoint: text(),
    sampling_fraction: float,
    insecure: boolean,
    tls_config: tlsConfig,
    headers: mapping(text(), "map[string]string"),
    compression: text(),
    timeout: duration,
  },
  check(config) {
    checkHeaders(config.headers, "custom authorization header configuration is not yet supported");
    if (!config.endpoint) throw new ConfigError("tracing endpoint must be set");
    if (config.compression && config.compression !== "gzip")
      throw new ConfigError(`invalid compression type ${config.compression} provided, valid options: gzip`);
  },
});
