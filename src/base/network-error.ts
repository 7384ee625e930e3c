/** Why a server's certificate is not believed. */
const DISTRUST: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate signed by unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate signed by unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate signed by unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate signed by unknown authority",
  CERT_HAS_EXPIRED: "certificate has expired or is not yet valid",
  CERT_NOT_YET_VALID: "certificate has expired or is not yet valid",
};

/** What a server says when it ends a handshake, where Go's words are not OpenSSL's. */
const ALERTS: Record<string, string> = {
  "protocol version": "protocol version not supported",
  "unknown ca": "unknown certificate authority",
  "certificate unknown": "unknown certificate",
};

interface CertificateNames {
  host?: string;
  cert?: { subjectaltname?: string };
}

/** A certificate that is another host's. */
function nameProblem({ host = "", cert }: CertificateNames): string {
  const names = (cert?.subjectaltname ?? "").split(", ").filter((name) => name !== "");
  const isAddress = /^[\d.]+$|:/.test(host);
  const kind = isAddress ? "IP Address:" : "DNS:";
  const valid = names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  if (isAddress && valid.length === 0)
    return `cannot validate certificate for ${host} because it doesn't contain any IP SANs`;
  if (valid.length === 0) return `certificate is not valid for any names, but wanted to match ${host}`;
  return `certificate is valid for ${valid.join(", ")}, not ${host}`;
}

/** In Go's words, which people know and search for. */
export function describeNetworkError(error: unknown): string {
  const { name, code, address, port, message, hostname } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  if (name === "TimeoutError") return "context deadline exceeded";
  if (code === "ECONNREFUSED") {
    const host = address?.includes(":") ? `[${address}]` : address;
    return `dial tcp ${host}:${port}: connect: connection refused`;
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname}: no such host`;
  // Node's texts for a connection that the other side has ended, before and within a response.
  if (message === "socket hang up") return "EOF";
  if (message === "aborted") return "unexpected EOF";
  if (code === "ECONNRESET") return "read: connection reset by peer";
  if (code === "EPROTO" && message.includes("wrong version number"))
    return "http: server gave HTTP response to HTTPS client";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `tls: failed to verify certificate: x509: ${nameProblem(error as CertificateNames)}`;
  const alert = /:(?:tls|ssl)v\d+ alert ([^:]+):/.exec(message)?.[1];
  if (alert !== undefined) return `remote error: tls: ${ALERTS[alert] ?? alert}`;
  const distrust = code === undefined ? undefined : DISTRUST[code];
  if (distrust !== undefined) return `tls: failed to verify certificate: x509: ${distrust}`;
  return message;
}
