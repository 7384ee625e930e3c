/** A listener in front of a TLS server that asks for the server's settings anew for each connection. */
import * as net from "node:net";
import type { Server, TLSSocket } from "node:tls";
import type { TlsServerSettings } from "./network.ts";

export type TlsSettingsSource = () => Promise<TlsServerSettings>;

/**
 * Gives each connection to `server` once the settings for it are there; a connection for which there are none ends.
 *
 * @param report is told why there were none
 */
export function tlsListener(
  server: Server,
  source: TlsSettingsSource,
  report: (error: unknown) => void,
): net.Server {
  let current: TlsServerSettings | undefined;
  // Before the server's own listener, which takes requests.
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    if (!isClientAccepted(socket, current!)) socket.destroy();
  });
  return net.createServer({ pauseOnConnect: true, noDelay: true }, async (socket) => {
    socket.on("error", () => socket.destroy());
    try {
      const settings = await source();
      if (settings !== current) apply(server, settings);
      current = settings;
      server.emit("connection", socket);
    } catch (error) {
      report(error);
      socket.destroy();
    }
  });
}

/** What a TLS server reads of itself for each connection. */
interface ClientRules {
  requestCert: boolean;
  rejectUnauthorized: boolean;
}

function apply(server: Server & Partial<ClientRules>, settings: TlsServerSettings): void {
  const { cert, key, clientCa, minVersion, maxVersion, ciphers, curves, clientCertificate } = settings;
  server.setSecureContext({
    cert,
    key,
    ca: clientCa,
    minVersion,
    maxVersion,
    ciphers: ciphers?.join(":"),
    ecdhCurve: curves?.join(":"),
    honorCipherOrder: true,
  });
  server.requestCert = clientCertificate !== "none";
  server.rejectUnauthorized = clientCertificate === "require-verified";
}

function isClientAccepted(socket: TLSSocket, settings: TlsServerSettings): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return !settings.clientCertificate.startsWith("require");
  if (settings.clientCertificate === "verify-if-given" && !socket.authorized) return false;
  const { clientNames } = settings;
  if (clientNames === undefined) return true;
  return alternativeNames(certificate.subjectAltName ?? "").some((name) => clientNames.includes(name));
}

/** The values of `DNS:a.example, IP Address:10.0.0.1`; those with signs in them are JSON. */
function alternativeNames(text: string): string[] {
  return [...text.matchAll(/(?:^|, )[^:,]+:("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, value]) =>
    value.startsWith('"') ? (JSON.parse(value) as string) : value,
  );
}
