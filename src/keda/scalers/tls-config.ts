/** How a scaler trusts its source, and proves itself, over TLS (keda `pkg/util/tls_config.go`). */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { FetchOptions } from "../../base/network.ts";

/** PEM texts. */
export interface TlsMaterial {
  ca?: string;
  cert?: string;
  key?: string;
}

export type TlsConfig = Pick<FetchOptions, "additionalCa" | "identity" | "insecure">;

/**
 * The given authority is trusted beside the system's; a certificate is shown where its key is there too.
 *
 * @throws Error with upstream's text where a PEM can't be read
 */
export function tlsConfig({ ca, cert, key }: TlsMaterial, unsafeSsl: boolean): TlsConfig {
  const config: TlsConfig = unsafeSsl ? { insecure: true } : {};
  if (cert !== undefined && key !== undefined) {
    checkKeyPair(cert, key);
    config.identity = { cert, key };
  }
  if (ca === undefined) return config;
  if (!isCertificate(ca)) throw new Error("error appending CA certs");
  return { ...config, additionalCa: ca };
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function checkKeyPair(cert: string, key: string): void {
  const failed = (cause: string) => new Error(`error parse X509KeyPair: tls: ${cause}`);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    throw failed("failed to find any PEM data in certificate input");
  }
  let isOwn: boolean;
  try {
    isOwn = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw failed("failed to find any PEM data in key input");
  }
  if (!isOwn) throw failed("private key does not match public key");
}
