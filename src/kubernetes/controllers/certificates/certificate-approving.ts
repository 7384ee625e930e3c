/**
 * Approves what kubelets ask for themselves, where they may (upstream `pkg/controller/certificates/approver`). Everything
 * else waits for somebody to approve or deny it.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { commonNameOf } from "../../../wire/x509/distinguished-name.ts";
import type { SigningRequest } from "../../../wire/x509/signing-request.ts";
import { type ControllerContext, getIfExists, startController } from "../controller.ts";
import {
  type CertificateSigningRequest,
  hasCondition,
  KUBELET_CLIENT_SIGNER,
  kubeletClientProblem,
  requestOf,
} from "./certificate-request.ts";

/** Who asked, and which subresource of requests for certificates they would have to be allowed to create. */
export type MayCreate = (user: { name: string; groups: readonly string[] }, subresource: string) => boolean;

interface Recognizer {
  subresource: "selfnodeclient" | "nodeclient";
  message: string;
  recognizes(csr: CertificateSigningRequest, request: SigningRequest): boolean;
}

const RECOGNIZERS: readonly Recognizer[] = [
  {
    subresource: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    recognizes: ({ spec }, { subject }) => spec.username === commonNameOf(subject),
  },
  {
    subresource: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
    recognizes: () => true,
  },
];

export function startCertificateApprovingController(context: ControllerContext, mayCreate: MayCreate): void {
  const { api } = context;
  const controller = startController({
    context,
    name: "csrapproving",
    async reconcile(name) {
      const csr = await getIfExists<CertificateSigningRequest>(api, RESOURCES.certificateSigningRequests, {
        name,
      });
      if (csr === undefined || csr.status?.certificate) return undefined;
      if (hasCondition(csr, "Approved") || hasCondition(csr, "Denied")) return undefined;
      if (csr.spec.signerName !== KUBELET_CLIENT_SIGNER) return undefined;
      const request = requestOf(csr);
      if (kubeletClientProblem(request, csr.spec.usages ?? []) !== undefined) return undefined;
      const user = { name: csr.spec.username ?? "", groups: csr.spec.groups ?? [] };
      const found = RECOGNIZERS.find(
        ({ subresource, recognizes }) => recognizes(csr, request) && mayCreate(user, subresource),
      );
      if (found === undefined) return undefined;
      const approved = { type: "Approved", status: "True", reason: "AutoApproved", message: found.message };
      const conditions = [...(csr.status?.conditions ?? []), approved];
      await api.replace(
        RESOURCES.certificateSigningRequests,
        { ...csr, status: { ...csr.status, conditions } } as CertificateSigningRequest,
        { subresource: "approval" },
      );
      return undefined;
    },
  });
  controller.watch(RESOURCES.certificateSigningRequests);
}
