/** Deletes requests for certificates that nobody needs any more (upstream `pkg/controller/certificates/cleaner`). */
import { X509Certificate } from "node:crypto";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ControllerContext } from "../controller.ts";
import type { CertificateSigningRequest } from "./certificate-request.ts";

const HOUR_MS = 3_600_000;
/** How often all requests are looked at. */
export const CLEANING_INTERVAL_MS = HOUR_MS;
/** How long those stay that got what they asked for, were denied or failed. */
const ANSWERED_MS = HOUR_MS;
/** How long those stay that wait: to be approved, or for their certificate. */
const PENDING_MS = 24 * HOUR_MS;

export function startCertificateCleaner({ api, clock, log, informers, signal }: ControllerContext): void {
  const requests = informers.of<CertificateSigningRequest>(RESOURCES.certificateSigningRequests);
  const clean = async () => {
    for (const csr of [...requests.objects.values()]) {
      if (!isStale(csr, clock.now())) continue;
      try {
        await api.delete(RESOURCES.certificateSigningRequests, { name: csr.metadata.name });
      } catch (error) {
        if (!isStatus(error, "NotFound")) log.error("request for a certificate not removed", { error });
      }
    }
  };
  const timer = clock.every(CLEANING_INTERVAL_MS, () => void clean());
  signal.addEventListener("abort", () => timer.cancel(), { once: true });
}

/** Whether a request has been there for too long. */
export function isStale({ metadata, status }: CertificateSigningRequest, nowMs: number): boolean {
  const isOlder = (time: string | undefined, ageMs: number) =>
    time !== undefined && nowMs - Date.parse(time) > ageMs;
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return isOlder(metadata.creationTimestamp, PENDING_MS);
  return conditions.some(({ type, lastUpdateTime }) => {
    if (type === "Denied" || type === "Failed") return isOlder(lastUpdateTime, ANSWERED_MS);
    if (type !== "Approved") return false;
    if (!status?.certificate) return isOlder(lastUpdateTime, PENDING_MS);
    return isOlder(lastUpdateTime, ANSWERED_MS) || isExpired(status.certificate, nowMs);
  });
}

function isExpired(certificate: string, nowMs: number): boolean {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, "base64")).validTo) < nowMs;
  } catch {
    return false;
  }
}
