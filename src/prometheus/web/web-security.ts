/** TLS and users of the server, as the file of `--web.config.file` has them (exporter-toolkit's `web` package). */
import { posix } from "node:path";
import { compare } from "bcryptjs";
import type { HttpHandler, ServeOptions, TlsServerSettings } from "../../base/network.ts";
import type { System } from "../../base/system.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { readTlsSettings } from "../config/tls-server-config.ts";
import { checkWebConfig, readWebConfig } from "../config/web-config.ts";
import { WebGuard } from "./web-guard.ts";

export interface WebSecurity {
  /** Whether the server speaks TLS; that it does is not changed by a change of the file. */
  hasTls: boolean;
  /** Whether it speaks HTTP/2 where it speaks TLS. */
  hasHttp2: boolean;
  serveOptions: Pick<ServeOptions, "protocol" | "tlsOfConnection">;
  protect(handler: HttpHandler): HttpHandler;
}

/**
 * @throws ConfigError where the file is not valid now; later that only fails connections and requests
 */
export async function openWebSecurity(path: string, system: System): Promise<WebSecurity> {
  const { disk, log, clock } = system;
  const config = await checkWebConfig(path, disk);
  const guard = new WebGuard({ path, disk, log, compare, monotonic: () => clock.monotonic() }, config);
  const protect = (handler: HttpHandler) => guard.protect(handler);
  const readSettings = async () =>
    readTlsSettings((await readWebConfig(path, disk)).tls_server_config, posix.dirname(path), disk);
  if ((await readSettings()) === undefined)
    return { hasTls: false, hasHttp2: false, serveOptions: {}, protect };
  let known: { settings: TlsServerSettings; text: string } | undefined;
  const tlsOfConnection = async () => {
    const settings = await readSettings();
    if (settings === undefined) throw new ConfigError("TLS config is not present");
    const text = JSON.stringify(settings);
    if (text !== known?.text) known = { settings, text };
    return known.settings;
  };
  const { http2 } = config.http_server_config;
  return {
    hasTls: true,
    hasHttp2: http2,
    serveOptions: { protocol: http2 ? "h2" : "http1", tlsOfConnection },
    protect,
  };
}
