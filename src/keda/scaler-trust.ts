/**
 * Whom scalers trust over TLS beside the system's authorities: the files of `--ca-dir` (keda `pkg/util/certificates.go`),
 * and from which version of TLS on (`KEDA_HTTP_MIN_TLS_VERSION`).
 */
import { X509Certificate } from "node:crypto";
import type { Disk } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";
import type { Network, TlsVersion } from "../base/network.ts";

/** Where upstream looks when it is told nothing. */
export const DEFAULT_CA_DIRECTORY = "/custom/ca";
/** More is not read: a trust store has a few hundred kilobytes. */
export const MAX_AUTHORITY_BYTES = 4 * 1024 * 1024;

const TLS_VERSIONS: Record<string, TlsVersion> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

export interface ScalerTrust {
  /** PEM of all authorities. @default none */
  authorities?: string;
  minTlsVersion?: TlsVersion;
}

/** The certificates in files of the directories, as PEM; what is none is logged and left out. */
export async function readAuthorities(
  disk: Disk,
  directories: readonly string[],
  log: Logger,
): Promise<string | undefined> {
  const logger = log.with({ logger: "certificates" });
  const found: string[] = [];
  for (const directory of directories) {
    for (const name of await disk.list(directory)) {
      const path = `${directory}/${name}`;
      const file = await disk.stat(path);
      // Mounted ConfigMaps keep their versions in folders that begin so.
      if (file === undefined || file.isDirectory || name.startsWith("..")) continue;
      const text = file.size > MAX_AUTHORITY_BYTES ? "" : new TextDecoder().decode(await disk.readFile(path));
      if (isCertificate(text)) found.push(text);
      else logger.error("filename", { error: "no certs appended", [name]: path });
    }
  }
  return found.length === 0 ? undefined : found.join("\n");
}

function isCertificate(text: string): boolean {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}

/** What a version is called in the environment. One that is none is logged, and the default is taken. */
export function minTlsVersion(name: string | undefined, log: Logger): TlsVersion {
  if (!name) return TLS_VERSIONS.TLS12;
  if (Object.hasOwn(TLS_VERSIONS, name)) return TLS_VERSIONS[name];
  const error = `${name} is not a valid value, using \`TLS12\`. Allowed values are: \`TLS13\`,\`TLS12\`,\`TLS11\`,\`TLS10\``;
  const text = "Error parsing environment variable KEDA_HTTP_MIN_TLS_VERSION";
  log.info(text, { logger: "tls_setup", value: name, error });
  return TLS_VERSIONS.TLS12;
}

/** A network on which scalers trust so. */
export function trustingNetwork(
  network: Network,
  { authorities, minTlsVersion: version }: ScalerTrust,
): Network {
  const trusting: Network["fetch"] = (url, options = {}) => {
    if (url.startsWith("http:")) return network.fetch(url, options);
    const additional = [authorities, options.additionalCa].filter((pem) => pem !== undefined).join("\n");
    return network.fetch(url, {
      ...options,
      minTlsVersion: options.minTlsVersion ?? version,
      ...(additional !== "" && options.ca === undefined && { additionalCa: additional }),
    });
  };
  return { serve: (options, handler) => network.serve(options, handler), fetch: trusting };
}
