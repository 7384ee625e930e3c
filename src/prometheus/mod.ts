/**
 * Prometheus: scrapes, stores and answers. Stands for prometheus/prometheus 3.14 in server mode.
 *
 * It reads upstream's configuration, takes its flags, speaks its HTTP API, and writes its on-disk format, so that the
 * real one can take its place and its data. Differences on purpose:
 *
 * - A target that was just discovered is scraped at once, and then at its place in the interval as upstream.
 * - Series of a target that is gone end at once, not after another interval.
 * - Answers to clients at a loopback address are not compressed.
 * - Discovery: static, file, http, dns and kubernetes; a configuration that asks for another is refused by name.
 * - Blanks before a sample's name are no part of it, and a histogram put together of classic series has their time.
 * - Remote write out has a queue of its own on disk instead of reading the write-ahead log, and sends in order, one request at a time; metadata goes along in both versions.
 * - Targets are spoken to in HTTP/1.1, whatever `enable_http2` says. The log is not compressed unless a flag asks for it.
 * - No reading from remotes (its own store can be read remotely), no agent mode, no console templates; of proxies only `proxy_url`.
 */
export { loadConfigFile, parseConfig } from "./config/load-config.ts";
export type { PrometheusConfig } from "./config/prometheus-config.ts";
export { readHttpClient } from "./discovery/http-client-file.ts";
export { parseFlags } from "./flags.ts";
export { Engine, QueryError } from "./promql/mod.ts";
export { type RunningServer, startServer } from "./server.ts";
export { openTsdb, type Tsdb } from "./tsdb/mod.ts";
