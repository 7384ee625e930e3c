/** Who approves requests for certificates needs the right to do so for their signer (admission plugin CertificateApproval). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isAllowed } from "../authorize.ts";
import type { ObjectStore } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import { forbidden } from "./admission.ts";

/** @throws KubernetesError 403 */
export function checkApprover(
  store: ObjectStore,
  info: ResourceInfo,
  { spec, metadata }: KubernetesObject,
  user: User | undefined,
): void {
  if (user === undefined) return;
  const signer: string = spec?.signerName ?? "";
  const attributes = { verb: "approve", group: info.group, resource: "signers" };
  // For one signer, or for all of a domain.
  const names = [signer, `${signer.split("/")[0]}/*`];
  if (names.some((name) => isAllowed(store, user, { ...attributes, name }))) return;
  const problem = `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`;
  throw forbidden(info, metadata.name, problem);
}
