/** The API server's identity: a Lease that says it is there (upstream `controlplane/apiserver`, `APIServerIdentity`). */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type Random, randomUuid } from "../../base/random.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesMicroTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";

const SERVER = "kube-apiserver";
const LEASE_SECONDS = 3_600;
const RENEW_INTERVAL_MS = 10_000;
/** Of the hash of the host's name. */
const IDENTITY_BYTES = 16;

export interface ServerLeaseOptions {
  api: KubernetesApi;
  clock: Clock;
  random: Random;
  log: Logger;
  hostname: string;
  signal: AbortSignal;
}

export async function startServerLease(options: ServerLeaseOptions): Promise<void> {
  const { api, clock, random, log, hostname, signal } = options;
  const name = `apiserver-${identityOf(hostname)}`;
  const holderIdentity = `${name}_${randomUuid(random)}`;
  const key = { namespace: "kube-system", name };
  const labels = { "apiserver.kubernetes.io/identity": SERVER, "kubernetes.io/hostname": hostname };
  const renew = async () => {
    const spec = {
      holderIdentity,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: kubernetesMicroTime(clock.now()),
    };
    try {
      await api.patch(RESOURCES.leases, key, { type: "merge", body: { spec } });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      const { group, version, kind } = RESOURCES.leases;
      const lease = { apiVersion: `${group}/${version}`, kind, metadata: { ...key, labels }, spec };
      await api.create(RESOURCES.leases, lease as KubernetesObject);
    }
  };
  await renew();
  const report = (error: unknown) => log.warn("lease not renewed", { error });
  const timer = clock.every(RENEW_INTERVAL_MS, () => void renew().catch(report));
  signal.addEventListener("abort", () => timer.cancel(), { once: true });
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * The beginning of a SHA-256 in base 32 (RFC 4648), in lower case and without padding: of the host's name and the
 * server's, each behind its length in two bytes.
 */
function identityOf(hostname: string): string {
  const parts = [hostname, SERVER].map((part) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(part));
    return Buffer.concat([length, Buffer.from(part)]);
  });
  const bytes = createHash("sha256").update(Buffer.concat(parts)).digest().subarray(0, IDENTITY_BYTES);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => ALPHABET[Number.parseInt(five.padEnd(5, "0"), 2)])
    .join("");
}
