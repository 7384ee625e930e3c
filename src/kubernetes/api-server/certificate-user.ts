/** Whom a client's certificate stands for (`apiserver/pkg/authentication/request/x509`). */
import type { X509Certificate } from "node:crypto";
import { derElements, readDer, tagged } from "../../wire/x509/der-reader.ts";
import {
  commonNameOf,
  type DistinguishedName,
  organizationsOf,
  readName,
} from "../../wire/x509/distinguished-name.ts";
import type { User } from "./user.ts";

const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";
/** The attribute of a subject that is a user's `uid`. */
const UID_ATTRIBUTE = "1.3.6.1.4.1.57683.2";

/**
 * The user is the common name, the groups are the organizations.
 *
 * @param certificate one that the cluster's authority has issued for clients
 */
export function certificateUser(certificate: X509Certificate): User | undefined {
  const subject = subjectOf(certificate.raw);
  const name = commonNameOf(subject);
  if (name === "") return undefined;
  const [uid] = subject.get(UID_ATTRIBUTE) ?? [];
  const digest = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  return {
    name,
    ...(uid && { uid }),
    groups: [...organizationsOf(subject), "system:authenticated"],
    extra: { [CREDENTIAL_ID]: [`X509SHA256=${digest}`] },
  };
}

/** The subject lies behind version, serial number, algorithm, issuer and validity. */
function subjectOf(certificate: Uint8Array): DistinguishedName {
  const [content] = derElements(readDer(certificate, 0x30).content);
  const parts = derElements(tagged(content, 0x30).content);
  const hasVersion = parts[0]?.tag === 0xa0;
  return readName(tagged(parts[hasVersion ? 5 : 4], 0x30));
}
