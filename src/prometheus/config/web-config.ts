/** The file of `--web.config.file`: TLS and users of a server (`web/tls_config.go` of exporter-toolkit 0.17). */
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { boolean, ConfigError, decodeYaml, integer, mapping, parsed, struct, text } from "./strict-yaml.ts";
import { readTlsSettings, type TlsServerConfig, tlsServerConfig } from "./tls-server-config.ts";

export interface WebConfig {
  tls_server_config: TlsServerConfig;
  http_server_config: { http2: boolean; headers?: Record<string, string> };
  rate_limit: { burst: number; interval: number };
  basic_auth_users?: Record<string, string>;
}

/** Headers that may be configured, and what is allowed in them where not everything is. */
const HEADERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Strict-Transport-Security", []],
  ["X-Content-Type-Options", ["nosniff"]],
  ["X-Frame-Options", ["deny", "sameorigin"]],
  ["X-XSS-Protection", []],
  ["Content-Security-Policy", []],
]);
const webConfig = struct<WebConfig>({
  type: "web.Config",
  defaults: defaultWebConfig,
  fields: {
    tls_server_config: tlsServerConfig,
    http_server_config: struct<WebConfig["http_server_config"]>({
      type: "web.HTTPConfig",
      defaults: () => ({ http2: true }),
      fields: { http2: boolean, headers: mapping(text(), "map[string]string") },
    }),
    rate_limit: struct<WebConfig["rate_limit"]>({
      type: "web.RateLimiterConfig",
      defaults: () => ({ burst: 0, interval: 0 }),
      fields: { burst: integer("int"), interval: parsed(parseGoDuration, 0) },
    }),
    basic_auth_users: mapping(text("config.plain"), "map[string]config.Secret"),
  },
});

function defaultWebConfig(): WebConfig {
  return {
    tls_server_config: {},
    http_server_config: { http2: true },
    rate_limit: { burst: 0, interval: 0 },
  };
}

/** Reads the file alone. @throws ConfigError with upstream's texts */
export async function readWebConfig(path: string, disk: Disk): Promise<WebConfig> {
  if ((await disk.stat(path)) === undefined) throw new ConfigError(`open ${path}: no such file or directory`);
  const config = decodeYaml(new TextDecoder().decode(await disk.readFile(path)), webConfig, defaultWebConfig);
  checkHeaders(config.http_server_config.headers ?? {});
  return config;
}

/** Reads the file and whatever it names. @throws ConfigError with upstream's texts */
export async function checkWebConfig(path: string, disk: Disk): Promise<WebConfig> {
  const config = await readWebConfig(path, disk);
  for (const hash of Object.values(config.basic_auth_users ?? {})) checkBcrypt(hash);
  await readTlsSettings(config.tls_server_config, posix.dirname(path), disk);
  return config;
}

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const allowed = HEADERS.get(name);
    if (allowed === undefined)
      throw new ConfigError(`HTTP header ${quoteString(name)} can not be configured`);
    if (allowed.length === 0 || allowed.includes(value)) continue;
    const expected = `[${allowed.map(quoteString).join(" ")}]`;
    throw new ConfigError(
      `invalid value for ${name}. Expected one of: ${expected}, but got: ${quoteString(value)}`,
    );
  }
}

/** A hash of bcrypt is 59 bytes and more; its cost is between these two. */
const MIN_HASH_BYTES = 59;
const [MIN_COST, MAX_COST] = [4, 31];

/** What Go's `bcrypt.Cost` complains about. @throws ConfigError */
function checkBcrypt(hash: string): void {
  const fail = (problem: string): never => {
    throw new ConfigError(`crypto/bcrypt: ${problem}`);
  };
  if (Buffer.byteLength(hash) < MIN_HASH_BYTES) fail("hashedSecret too short to be a bcrypted password");
  if (hash[0] !== "$") fail(`bcrypt hashes must start with '$', but hashedSecret started with '${hash[0]}'`);
  if (hash[1] > "2")
    fail(`bcrypt algorithm version '${hash[1]}' requested is newer than current version '2'`);
  const cost = hash.slice(hash[2] === "$" ? 3 : 4).slice(0, 2);
  if (!/^[+-]?\d+$/.test(cost))
    throw new ConfigError(`strconv.Atoi: parsing ${quoteString(cost)}: invalid syntax`);
  if (Number(cost) < MIN_COST || Number(cost) > MAX_COST)
    fail(`cost ${Number(cost)} is outside allowed inclusive range ${MIN_COST}..${MAX_COST}`);
}
