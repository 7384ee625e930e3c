/** The section `tls_server_config` of `--web.config.file` (`web/tls_config.go` of exporter-toolkit 0.17). */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import type { TlsServerSettings, TlsVersion } from "../../base/network.ts";
import { boolean, ConfigError, list, parsed, struct, text } from "./strict-yaml.ts";

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

const TLS_VERSIONS: Readonly<Record<string, TlsVersion>> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};
/** Go's name → OpenSSL's. */
const CURVES: Readonly<Record<string, string>> = {
  CurveP256: "P-256",
  CurveP384: "P-384",
  CurveP521: "P-521",
  X25519: "X25519",
};
const CLIENT_AUTHORIZATIONS: ReadonlyMap<string, TlsServerSettings["clientCertificate"]> = new Map([
  ["", "none"],
  ["NoClientCert", "none"],
  ["RequestClientCert", "request"],
  ["RequireAnyClientCert", "require"],
  // An older name.
  ["RequireClientCert", "require"],
  ["VerifyClientCertIfGiven", "verify-if-given"],
  ["RequireAndVerifyClientCert", "require-verified"],
]);
const TLS13_CIPHERS = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/** Go's names of the cipher suites that it holds for secure → OpenSSL's. */
const CIPHERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(TLS13_CIPHERS.map((name) => [name, name])),
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
};

function oneOf(names: Readonly<Record<string, string>>, problem: (name: string) => string) {
  return parsed((name) => {
    if (!Object.hasOwn(names, name)) throw new ConfigError(problem(name));
    return name;
  }, "");
}

const tlsVersion = oneOf(TLS_VERSIONS, (name) => `unknown TLS version: ${name}`);

export const tlsServerConfig = struct<TlsServerConfig>({
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
      oneOf(CIPHERS, (name) => `unknown cipher: ${name}`),
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

/**
 * What the server's TLS is to be, with the files that it names; undefined: none is configured.
 *
 * @param directory where relative paths start
 * @throws ConfigError
 */
export async function readTlsSettings(
  tls: TlsServerConfig,
  directory: string,
  disk: Disk,
): Promise<TlsServerSettings | undefined> {
  const { cert, key, client_ca: clientCa } = tls;
  const [certFile, keyFile, clientCaFile] = [tls.cert_file, tls.key_file, tls.client_ca_file].map((path) =>
    path && !posix.isAbsolute(path) ? posix.join(directory, path) : path,
  );
  const authorization = tls.client_auth_type ?? "";
  if (![cert, key, clientCa, certFile, keyFile, clientCaFile, authorization].some(Boolean)) return undefined;
  if (!certFile && !cert) throw new ConfigError("missing one of cert or cert_file");
  if (!keyFile && !key) throw new ConfigError("missing one of key or key_file");
  const certificate = certFile
    ? await read(certFile, `failed to read cert_file (${certFile}): `, disk)
    : cert!;
  const secret = keyFile ? await read(keyFile, `failed to read key_file (${keyFile}): `, disk) : key!;
  checkKeyPair(certificate, secret);
  const authorities = clientCaFile ? await read(clientCaFile, "", disk) : clientCa;
  const clientCertificate = CLIENT_AUTHORIZATIONS.get(authorization);
  if (clientCertificate === undefined) throw new ConfigError(`invalid ClientAuth: ${authorization}`);
  if ((clientCaFile || clientCa) && clientCertificate === "none")
    throw new ConfigError("client CA's have been configured without a Client Auth Policy");
  return {
    cert: certificate,
    key: secret,
    minVersion: TLS_VERSIONS[tls.min_version || "TLS12"],
    maxVersion: TLS_VERSIONS[tls.max_version || "TLS13"],
    ...(tls.cipher_suites?.length && { ciphers: cipherNames(tls.cipher_suites) }),
    ...(tls.curve_preferences?.length && { curves: tls.curve_preferences.map((name) => CURVES[name]) }),
    ...(authorities && { clientCa: authorities }),
    clientCertificate,
    ...(tls.client_allowed_sans && { clientNames: tls.client_allowed_sans }),
  };
}

/** As in Go, the suites of TLS 1.3 are not for choosing. */
function cipherNames(suites: readonly string[]): string[] {
  const older = suites.filter((name) => !TLS13_CIPHERS.includes(name)).map((name) => CIPHERS[name]);
  return [...TLS13_CIPHERS, ...older];
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
