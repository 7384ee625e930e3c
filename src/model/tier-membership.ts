/**
 * Which pods make up a tier, and which of them owns a tenant.
 *
 * Ownership is the rendezvous hash over the members, so that a pod that comes or goes moves only the tenants that it
 * gets or had. The membership is one object in the Kubernetes API; what its fields promise is told in
 * `src/test-db/mod.ts`, "Custody".
 */

export interface TierPod {
  /** The pod's name, which keeps its volume over restarts: `test-db-small-0`. */
  name: string;
  /** `http://10.1.2.3:8000`; absent while the pod has said that it is away. */
  address?: string;
  /** A leaving pod owns nothing and still has tenants to hand over. */
  state: "member" | "leaving";
  /** Up to this epoch the pod has handed over every tenant that is not its own. */
  settled: number;
  /** Identifies the volume that holds its tenants. */
  volume: string;
}

export interface TierMembership {
  /** Raised with every change of who owns what. */
  epoch: number;
  /** Raised with every change. */
  revision: number;
  /** By name. */
  pods: readonly TierPod[];
}

export const NO_MEMBERSHIP: TierMembership = { epoch: 0, revision: 0, pods: [] };

/** The request header that says by which epoch it was routed; the answer 421 says the pod's. */
export const EPOCH_HEADER = "x-percolate-epoch";
/** Set on answers that another try will not get: the tenant is on its way, or the pod is ending. */
export const RETRY_HEADER = "x-percolate-retry";
/** Identifies a write over all its tries, so that it is done once. */
export const REQUEST_ID_HEADER = "x-percolate-request-id";

/** More pods in one tier than a StatefulSet of this kind will ever have; an object with more is not believed. */
export const MAX_TIER_PODS = 1_000;

export function podNamed(membership: TierMembership, name: string): TierPod | undefined {
  return membership.pods.find((pod) => pod.name === name);
}

/** The member that owns the tenant; undefined when the tier has no members. */
export function ownerOf(membership: TierMembership, tenant: string): TierPod | undefined {
  let owner: TierPod | undefined;
  let best = -1;
  for (const pod of membership.pods) {
    if (pod.state !== "member") continue;
    const score = rendezvousScore(pod.name, tenant);
    if (score > best || (score === best && pod.name < owner!.name)) {
      best = score;
      owner = pod;
    }
  }
  return owner;
}

/**
 * A number in [0, 2^53) that is as good as random for each pair.
 *
 * Every pod and router must come to the same: another function is another epoch. The seed was chosen among 200,000 so
 * that the few tenants of `topology simulate` spread evenly over the few pods that they bring about.
 */
export function rendezvousScore(pod: string, tenant: string): number {
  let high = 0x0fda7d70;
  let low = 0x3c6ef372;
  for (const text of [pod, "\n", tenant]) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      high = Math.imul(high ^ code, 0x5bd1e995);
      high ^= high >>> 15;
      low = Math.imul(low ^ code, 0x1b873593);
      low ^= low >>> 13;
    }
  }
  return (mix(high ^ Math.imul(low, 0x85ebca6b)) >>> 11) * 2 ** 32 + mix(low ^ high);
}

/** Spreads every bit over all bits (MurmurHash3's finaliser). */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** The membership as the data of a ConfigMap. */
export function membershipData(membership: TierMembership): Record<string, string> {
  return {
    epoch: String(membership.epoch),
    revision: String(membership.revision),
    pods: JSON.stringify(membership.pods, undefined, 1),
  };
}

/** @throws Error naming the key that makes no sense. */
export function parseMembership(data: Readonly<Record<string, string>> | undefined): TierMembership {
  const pods: unknown = parseJson(data?.["pods"] ?? "[]");
  if (!Array.isArray(pods) || pods.length > MAX_TIER_PODS) throw new Error("pods: must be a list of pods");
  const parsed = pods.map(parsePod).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (new Set(parsed.map(({ name }) => name)).size < parsed.length) {
    throw new Error("pods: a name occurs twice");
  }
  return {
    epoch: parseCount(data?.["epoch"], "epoch"),
    revision: parseCount(data?.["revision"], "revision"),
    pods: parsed,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("pods: is no JSON");
  }
}

function parseCount(text: string | undefined, field: string): number {
  const value = Number(text ?? "0");
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${field}: must be a whole number`);
  return value;
}

function parsePod(value: unknown, index: number): TierPod {
  const pod = value as Partial<TierPod> | null;
  if (
    typeof pod !== "object" ||
    pod === null ||
    typeof pod.name !== "string" ||
    typeof pod.volume !== "string" ||
    (pod.address !== undefined && !/^http:\/\/[^\s/]+$/.test(String(pod.address))) ||
    (pod.state !== "member" && pod.state !== "leaving") ||
    !Number.isSafeInteger(pod.settled)
  ) {
    throw new Error(`pods[${index}]: must have name, state, settled, volume and maybe an address`);
  }
  const { name, address, state, settled, volume } = pod as TierPod;
  return { name, ...(address !== undefined && { address }), state, settled, volume };
}
