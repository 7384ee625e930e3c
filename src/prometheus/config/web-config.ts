/** The file of `--web.config.file`: TLS and users of a server (`web/tls_config.go` of exporter-toolkit 0.17). */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import {
  boolean,
  ConfigError,
  decodeYaml,
  integer,
  list,
  mapping,
  parsed,
  struct,
  text,
} from "./strict-yaml.ts";

export interface WebConfig {
  tls_server_config: TlsServerConfig;
  http_server_config: { http2: boolean; headers?: Record<string, string> };
  rate_limit: { burst: number; interval: number };
  basic_auth_users?: Record<string, string>;
}

export interface TlsServerConfig {
  cert?: string;
  key?: string;
  client_ca?: string;
  cert_file?: string;
  key_file?: string;
  client_auth_type?: string;
  client_ca_file?: string;
  cipher_suites?: string[];
  curve_preferences?: string[];
  min_version?: string;
  max_version?: string;
  prefer_server_cipher_suites?: boolean;
  client_allowed_sans?: string[];
}

const TLS_VERSIONS = ["TLS10", "TLS11", "TLS12", "TLS13"];
const CURVES = ["CurveP256", "CurveP384", "CurveP521", "X25519", "X25519MLKEM768"];
const CLIENT_AUTHORIZATIONS = [
  "NoClientCert",
  "RequestClientCert",
  "RequireAnyClientCert",
  "RequireClientCert",
  "VerifyClientCertIfGiven",
  "RequireAndVerifyClientCert",
];
/** Headers that may be configured, and what is allowed in them where not everything is. */
const HEADERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Strict-Transport-Security", []],
  ["X-Content-Type-Options", ["nosniff"]],
  ["X-Frame-Options", ["deny", "sameorigin"]],
  ["X-XSS-Protection", []],
  ["Content-Security-Policy", []],
]);
/** Go's names of the cipher suites that it holds for secure. */
const CIPHERS =
  "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 " +
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA " +
  "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 " +
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 " +
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 " +
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";

function oneOf(names: readonly string[], problem: (name: string) => string) {
  return parsed((name) => {
    if (!names.includes(name)) throw new ConfigError(problem(name));
    return name;
  }, "");
}

const tlsVersion = oneOf(TLS_VERSIONS, (name) => `unknown TLS version: ${name}`);

const tlsServerConfig = struct<TlsServerConfig>({
  type: "web.TLSConfig",
  defaults: () => ({}),
  fields: {
    cert: text(),
    key: text("config.plain"),
    client_ca: text(),
    cert_file: text(),
    key_file: text(),
    client_auth_type: text(),
    client_ca_file: text(),
    cipher_suites: list(
      oneOf(CIPHERS.split(" "), (name) => `unknown cipher: ${name}`),
      "[]web.Cipher",
    ),
    curve_preferences: list(
      oneOf(CURVES, (name) => `unknown curve: ${name}`),
      "[]web.Curve",
    ),
    min_version: tlsVersion,
    max_version: tlsVersion,
    prefer_server_cipher_suites: boolean,
    client_allowed_sans: list(text(), "[]string"),
  },
});

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

/** Reads the file and whatever it names. @throws ConfigError with upstream's texts */
export async function checkWebConfig(path: string, disk: Disk): Promise<WebConfig> {
  const config = decodeYaml(new TextDecoder().decode(await disk.readFile(path)), webConfig, defaultWebConfig);
  checkHeaders(config.http_server_config.headers ?? {});
  for (const hash of Object.values(config.basic_auth_users ?? {})) checkBcrypt(hash);
  await checkTls(config.tls_server_config, posix.dirname(path), disk);
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

/** @throws ConfigError */
async function checkTls(tls: TlsServerConfig, directory: string, disk: Disk): Promise<void> {
  const { cert, key, client_ca: clientCa } = tls;
  const [certFile, keyFile, clientCaFile] = [tls.cert_file, tls.key_file, tls.client_ca_file].map((path) =>
    path && !posix.isAbsolute(path) ? posix.join(directory, path) : path,
  );
  const authorization = tls.client_auth_type ?? "";
  if (![cert, key, clientCa, certFile, keyFile, clientCaFile, authorization].some(Boolean)) return;
  if (!certFile && !cert) throw new ConfigError("missing one of cert or cert_file");
  if (!keyFile && !key) throw new ConfigError("missing one of key or key_file");
  const certificate = certFile
    ? await read(certFile, `failed to read cert_file (${certFile}): `, disk)
    : cert!;
  const secret = keyFile ? await read(keyFile, `failed to read key_file (${keyFile}): `, disk) : key!;
  checkKeyPair(certificate, secret);
  if (clientCaFile) await read(clientCaFile, "", disk);
  if (authorization !== "" && !CLIENT_AUTHORIZATIONS.includes(authorization))
    throw new ConfigError(`invalid ClientAuth: ${authorization}`);
  if ((clientCaFile || clientCa) && (authorization === "" || authorization === "NoClientCert"))
    throw new ConfigError("client CA's have been configured without a Client Auth Policy");
}

async function read(path: string, prefix: string, disk: Disk): Promise<string> {
  if ((await disk.stat(path)) === undefined)
    throw new ConfigError(`${prefix}open ${path}: no such file or directory`);
  return new TextDecoder().decode(await disk.readFile(path));
}

const SWITCHED = "PEM inputs may have been switched";

/** @throws ConfigError as Go's `tls.X509KeyPair` */
function checkKeyPair(certificate: string, key: string): void {
  const fail = (problem: string): never => {
    throw new ConfigError(`failed to load X509KeyPair: tls: ${problem}`);
  };
  const hasCertificate = (pem: string) => /-----BEGIN CERTIFICATE-----/.test(pem);
  const hasKey = (pem: string) => /-----BEGIN .*PRIVATE KEY-----/.test(pem);
  if (!hasCertificate(certificate)) {
    const inputs = "failed to find certificate PEM data in certificate input, but did find a private key";
    fail(hasKey(certificate) ? `${inputs}; ${SWITCHED}` : "failed to find any PEM data in certificate input");
  }
  if (!hasKey(key)) {
    const inputs = "found a certificate rather than a key in the PEM for the private key";
    fail(hasCertificate(key) ? inputs : "failed to find any PEM data in key input");
  }
  let isPair = false;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    fail("failed to parse certificate or private key");
  }
  if (!isPair) fail("private key does not match public key");
}
