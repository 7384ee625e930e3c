/**
 * Issues what was approved (upstream `pkg/controller/certificates/signer`): certificates of clients and of kubelets,
 * from the cluster's authority. Requests to other signers are theirs.
 */
import { X509Certificate } from "node:crypto";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { grantCertificate, type Issuer } from "../../../wire/x509/certificate.ts";
import type { SigningRequest } from "../../../wire/x509/signing-request.ts";
import { type ControllerContext, getIfExists, startController } from "../controller.ts";
import {
  type CertificateSigningRequest,
  CLIENT_SIGNER,
  clientUsagesProblem,
  hasCondition,
  KUBELET_CLIENT_SIGNER,
  KUBELET_SERVING_SIGNER,
  kubeletClientProblem,
  kubeletServingProblem,
  requestOf,
} from "./certificate-request.ts";

/** kube-controller-manager's `--cluster-signing-duration`, in milliseconds. */
export const SIGNING_DURATION_MS = 365 * 24 * 3_600_000;
const DURATION_MIN_MS = 600_000;
/** Clocks may be late; a certificate that is short-lived ends no earlier for it. */
const BACKDATE_MS = 300_000;
const SHORT_MS = 8 * 3_600_000;
/** 128 bits. */
const SERIAL_BYTES = 16;

type Check = (request: SigningRequest, usages: readonly string[]) => string | undefined;

const SIGNERS: ReadonlyMap<string, Check> = new Map([
  [CLIENT_SIGNER, (_, usages) => clientUsagesProblem(usages)],
  [KUBELET_CLIENT_SIGNER, kubeletClientProblem],
  [KUBELET_SERVING_SIGNER, kubeletServingProblem],
] satisfies [string, Check][]);

export interface SigningAuthority {
  /** PEM of the authority's certificate. */
  ca: string;
  signer: Issuer;
}

export function startCertificateSigningController(
  context: ControllerContext,
  authority: SigningAuthority,
): void {
  const { api, clock } = context;
  const signerEndsMs = Date.parse(new X509Certificate(authority.ca).validTo);
  const controller = startController({
    context,
    name: "csrsigning",
    async reconcile(name) {
      const csr = await getIfExists<CertificateSigningRequest>(api, RESOURCES.certificateSigningRequests, {
        name,
      });
      if (csr === undefined || csr.status?.certificate) return undefined;
      if (!hasCondition(csr, "Approved") || hasCondition(csr, "Failed")) return undefined;
      const check = SIGNERS.get(csr.spec.signerName);
      if (check === undefined) return undefined;
      const request = requestOf(csr);
      const problem = check(request, csr.spec.usages ?? []);
      const status = { ...csr.status };
      if (problem === undefined)
        status.certificate = Buffer.from(issue(csr, request, authority.signer)).toString("base64");
      else {
        const lastUpdateTime = kubernetesTime(clock.now());
        const failed = { type: "Failed", status: "True", reason: "SignerValidationFailure" } as const;
        status.conditions = [...(status.conditions ?? []), { ...failed, message: problem, lastUpdateTime }];
      }
      await api.updateStatus(RESOURCES.certificateSigningRequests, { ...csr, status });
      return undefined;
    },
  });
  controller.watch(RESOURCES.certificateSigningRequests);

  function issue(
    { spec }: CertificateSigningRequest,
    { subject, publicKey, names }: SigningRequest,
    signer: Issuer,
  ): string {
    const now = clock.now();
    if (now >= signerEndsMs)
      throw new Error(`the signer has expired: ${new Date(signerEndsMs).toISOString()}`);
    const asked = spec.expirationSeconds === undefined ? SIGNING_DURATION_MS : spec.expirationSeconds * 1000;
    const duration = Math.max(DURATION_MIN_MS, Math.min(SIGNING_DURATION_MS, asked));
    const endMs = now + duration - (duration < SHORT_MS ? 0 : BACKDATE_MS);
    const granted = {
      subject,
      publicKey,
      names,
      usages: spec.usages ?? [],
      notBeforeMs: now - BACKDATE_MS,
      notAfterMs: Math.min(endMs, signerEndsMs),
      serial: context.random.bytes(SERIAL_BYTES),
    };
    return grantCertificate(granted, signer);
  }
}
