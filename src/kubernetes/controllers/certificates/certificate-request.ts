/** What the controllers of requests for certificates read of them (upstream `pkg/apis/certificates/helpers.go`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { commonNameOf, organizationsOf } from "../../../wire/x509/distinguished-name.ts";
import { readSigningRequest, type SigningRequest } from "../../../wire/x509/signing-request.ts";
import type { Condition } from "../../types.ts";

export interface CertificateSigningRequest extends KubernetesObject {
  spec: {
    /** PEM in base64. */
    request: string;
    signerName: string;
    usages?: string[];
    expirationSeconds?: number;
    username?: string;
    uid?: string;
    groups?: string[];
    extra?: Record<string, string[]>;
  };
  status?: {
    /** PEM in base64. */
    certificate?: string;
    conditions?: (Condition & { lastUpdateTime?: string })[];
  };
}

export const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";
export const KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet";
export const KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving";

export function hasCondition({ status }: CertificateSigningRequest, type: string): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === type && condition.status !== "False",
  );
}

/** @throws Error when there is no request in it, or not one of whom it says */
export function requestOf({ spec }: CertificateSigningRequest): SigningRequest {
  return readSigningRequest(Buffer.from(spec.request, "base64").toString("latin1"));
}

/** Why this is no request of a node for a client's certificate, if so. */
export function kubeletClientProblem(
  { subject, names }: SigningRequest,
  usages: readonly string[],
): string | undefined {
  const notAllowed = (kind: string) => `${kind} subjectAltNames are not allowed`;
  if (!isOfNodes({ subject })) return NOT_OF_NODES;
  if (names.dns.length > 0) return notAllowed("DNS");
  if (names.emails.length > 0) return notAllowed("Email");
  if (names.addresses.length > 0) return notAllowed("IP");
  if (names.uris.length > 0) return notAllowed("URI");
  if (!commonNameOf(subject).startsWith(NODE_PREFIX)) return NO_NODE;
  return usagesProblem(usages, "client auth");
}

/** Why this is no request of a node for a certificate to serve with, if so. */
export function kubeletServingProblem(
  { subject, names }: SigningRequest,
  usages: readonly string[],
): string | undefined {
  if (!isOfNodes({ subject })) return NOT_OF_NODES;
  if (names.dns.length === 0 && names.addresses.length === 0) return "DNS or IP subjectAltName is required";
  if (names.emails.length > 0) return "Email subjectAltNames are not allowed";
  if (names.uris.length > 0) return "URI subjectAltNames are not allowed";
  return (
    usagesProblem(usages, "server auth") ??
    (commonNameOf(subject).startsWith(NODE_PREFIX) ? undefined : NO_NODE)
  );
}

/** Why usages are not those of a client of the API, if so. */
export function clientUsagesProblem(usages: readonly string[]): string | undefined {
  const allowed = ["digital signature", "key encipherment", "client auth"];
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `invalid usage for client certificate: ${other}`;
  return usages.includes("client auth")
    ? undefined
    : "missing required usage for client certificate: client auth";
}

const NODE_PREFIX = "system:node:";
const NOT_OF_NODES = "subject organization is not system:nodes";
const NO_NODE = "subject common name does not begin with system:node:";

function isOfNodes({ subject }: Pick<SigningRequest, "subject">): boolean {
  const organizations = organizationsOf(subject);
  return organizations.length === 1 && organizations[0] === "system:nodes";
}

/** Keys that are not of RSA encipher none. */
function usagesProblem(usages: readonly string[], side: "client auth" | "server auth"): string | undefined {
  const given = [...new Set(usages)].sort().join();
  const allowed = [
    [side, "digital signature", "key encipherment"],
    [side, "digital signature"],
  ].map((set) => set.sort());
  return allowed.some((set) => set.join() === given)
    ? undefined
    : `usages did not match [${allowed[0].join(" ")}]`;
}
