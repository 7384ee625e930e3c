/** A file that says how a client speaks HTTP, as promtool's `--http.config.file` takes it: authorization, TLS, headers. */
import { posix } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { FetchOptions, FetchResponse, Network } from "../../base/network.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  validateHttpClient,
} from "../config/http-client-config.ts";
import { setClientDirectory } from "../config/load-config.ts";
import { decodeYaml, struct } from "../config/strict-yaml.ts";
import { createHttpClient } from "./http-client.ts";

const clientConfig = struct<HttpClientConfig>({
  type: "config.plain",
  defaults: () => ({ ...DEFAULT_HTTP_CLIENT }),
  fields: httpClientFields,
  check: validateHttpClient,
});

/** Reads the file. @throws ConfigError for one that cannot be used, Error for one that cannot be read */
export async function readHttpClient(
  path: string,
  parts: { network: Network; disk: Disk; clock: Clock },
): Promise<(url: string, options?: FetchOptions) => Promise<FetchResponse>> {
  const text = new TextDecoder().decode(await parts.disk.readFile(path));
  const config = decodeYaml(text, clientConfig, () => ({ ...DEFAULT_HTTP_CLIENT }));
  setClientDirectory(config, posix.dirname(path));
  return createHttpClient(config, parts).request;
}
