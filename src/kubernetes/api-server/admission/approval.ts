/**
 * Requests for certificates: who approves or signs one needs the right to do so for its signer (admission plugins
 * CertificateApproval and CertificateSigning), and nobody becomes the administrator by one (CertificateSubjectRestriction).
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { organizationsOf } from "../../../wire/x509/distinguished-name.ts";
import { readSigningRequest } from "../../../wire/x509/signing-request.ts";
import { isAllowed } from "../authorize.ts";
import { deepEqual } from "../deep-equal.ts";
import type { ObjectStore } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import { forbidden } from "./admission.ts";
import type { Refuse } from "./refuse.ts";

/** Where they are kept. */
export const CERTIFICATE_REQUESTS = "certificates.k8s.io/certificatesigningrequests";
const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";
const ADMINISTRATORS = "system:masters";

/** @throws KubernetesError 403 */
export function checkApprover(
  store: ObjectStore,
  info: ResourceInfo,
  previous: KubernetesObject,
  user: User | undefined,
): void {
  checkRight(store, info, previous, user, "approve");
}

/**
 * Who changes a request's certificate or conditions by its status.
 *
 * @throws KubernetesError 403
 */
export function checkSigner(
  store: ObjectStore,
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject,
  user: User | undefined,
): void {
  const isSame = (["certificate", "conditions"] as const).every((key) =>
    deepEqual(object.status?.[key], previous.status?.[key]),
  );
  if (!isSame) checkRight(store, info, previous, user, "sign");
}

/** A certificate for clients of this API must not be one of the group that may do everything. */
export function restrictSubject({ spec }: KubernetesObject, refuse: Refuse): void {
  if (spec?.signerName !== CLIENT_SIGNER) return;
  const { subject } = readSigningRequest(Buffer.from(spec.request, "base64").toString("latin1"));
  if (organizationsOf(subject).includes(ADMINISTRATORS))
    throw refuse(`use of ${CLIENT_SIGNER} signer with ${ADMINISTRATORS} group is not allowed`);
}

function checkRight(
  store: ObjectStore,
  info: ResourceInfo,
  { spec, metadata }: KubernetesObject,
  user: User | undefined,
  verb: "approve" | "sign",
): void {
  if (user === undefined) return;
  const signer: string = spec?.signerName ?? "";
  const attributes = { verb, group: info.group, resource: "signers" };
  // For one signer, or for all of a domain.
  const names = [signer, `${signer.split("/")[0]}/*`];
  if (names.some((name) => isAllowed(store, user, { ...attributes, name }))) return;
  const problem = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`;
  throw forbidden(info, metadata.name, problem);
}
