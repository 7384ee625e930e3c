/** Requests for certificates (PKCS #10, RFC 2986): who asks for which key, under which names. */
import { constants, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { derBits, derInteger, derOctets, derOid, derSequence, derSet, derValue } from "./der.ts";
import { DerError, derElements, readBits, readDer, readOid, tagged } from "./der-reader.ts";
import { type DistinguishedName, derName, readName } from "./distinguished-name.ts";
import { pem } from "./pem.ts";

export const SUBJECT_ALT_NAME = "2.5.29.17";
const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const ED25519 = "1.3.101.112";
const RSA_PSS = "1.2.840.113549.1.1.10";
/** Hashes by algorithms of signatures: of RSA (PKCS #1) and of elliptic curves. */
const HASHES: Record<string, string> = {
  "1.2.840.113549.1.1.5": "sha1",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.1": "sha1",
  [ECDSA_WITH_SHA256]: "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};
const PSS_HASHES: Record<string, string> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** Other names that a subject goes by. */
export interface AlternativeNames {
  dns: string[];
  emails: string[];
  /** 4 or 16 bytes each. */
  addresses: Uint8Array[];
  uris: string[];
}

export interface SigningRequest {
  subject: DistinguishedName;
  publicKey: KeyObject;
  names: AlternativeNames;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]*)-----END \1-----/;

/**
 * Reads the first block of PEM and checks that its key signed it.
 *
 * @throws Error in Go's words
 */
export function readSigningRequest(text: string): SigningRequest {
  const [, type, base64] = BLOCK.exec(text) ?? [];
  if (type !== "CERTIFICATE REQUEST") throw new Error("PEM block type must be CERTIFICATE REQUEST");
  const [info, algorithm, signature] = derElements(readDer(Buffer.from(base64, "base64"), 0x30).content);
  const [version, subject, key, attributes] = derElements(tagged(info, 0x30).content);
  tagged(version, 0x02);
  const publicKey = publicKeyOf(tagged(key, 0x30).raw);
  const request = {
    subject: readName(tagged(subject, 0x30)),
    publicKey,
    names: alternativeNames(attributes === undefined ? [] : derElements(tagged(attributes, 0xa0).content)),
  };
  checkSignature(info.raw, tagged(algorithm, 0x30).content, readBits(tagged(signature, 0x03)), publicKey);
  return request;
}

/** A request as PEM, signed by the key that it asks a certificate for: one on the curve P-256. */
export function writeSigningRequest(
  request: { subject: DistinguishedName; names?: Partial<AlternativeNames> },
  keys: { publicKey: KeyObject; privateKey: KeyObject },
): string {
  const names = subjectAltName({ dns: [], emails: [], addresses: [], uris: [], ...request.names });
  const extension = names && derSequence(derOid(SUBJECT_ALT_NAME), derOctets(names));
  const attribute = extension && derSequence(derOid(EXTENSION_REQUEST), derSet(derSequence(extension)));
  const info = derSequence(
    derInteger(Uint8Array.of(0)),
    derName(request.subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    derValue(0xa0, ...(attribute ? [attribute] : [])),
  );
  const signature = sign("sha256", info, { key: keys.privateKey, dsaEncoding: "der" });
  const algorithm = derSequence(derOid(ECDSA_WITH_SHA256));
  return pem("CERTIFICATE REQUEST", derSequence(info, algorithm, derBits(signature)));
}

/** The extension's value; undefined where there are no names. */
export function subjectAltName({ dns, emails, addresses, uris }: AlternativeNames): Uint8Array | undefined {
  const values = [
    ...dns.map((name) => derValue(0x82, Buffer.from(name, "latin1"))),
    ...emails.map((name) => derValue(0x81, Buffer.from(name, "latin1"))),
    ...addresses.map((address) => derValue(0x87, address)),
    ...uris.map((uri) => derValue(0x86, Buffer.from(uri, "latin1"))),
  ];
  return values.length === 0 ? undefined : derSequence(...values);
}

function publicKeyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    throw new Error("x509: unsupported public key");
  }
}

function alternativeNames(attributes: ReturnType<typeof derElements>): AlternativeNames {
  const names: AlternativeNames = { dns: [], emails: [], addresses: [], uris: [] };
  for (const attribute of attributes) {
    const [type, values] = derElements(tagged(attribute, 0x30).content);
    if (readOid(tagged(type, 0x06)) !== EXTENSION_REQUEST) continue;
    const [list] = derElements(tagged(values, 0x31).content);
    for (const extension of derElements(tagged(list, 0x30).content)) {
      const [id, ...rest] = derElements(tagged(extension, 0x30).content);
      if (readOid(tagged(id, 0x06)) === SUBJECT_ALT_NAME) addNames(names, tagged(rest.at(-1), 0x04).content);
    }
  }
  return names;
}

function addNames(names: AlternativeNames, extension: Uint8Array): void {
  for (const { tag, content } of derElements(readDer(extension, 0x30).content)) {
    const text = Buffer.from(content).toString("latin1");
    if (tag === 0x82) names.dns.push(text);
    else if (tag === 0x81) names.emails.push(text);
    else if (tag === 0x86) names.uris.push(text);
    else if (tag === 0x87) {
      if (content.length !== 4 && content.length !== 16)
        throw new Error(`x509: cannot parse IP address of length ${content.length}`);
      names.addresses.push(content);
    }
  }
}

function checkSignature(
  data: Uint8Array,
  algorithm: Uint8Array,
  signature: Uint8Array,
  key: KeyObject,
): void {
  const [type, parameters] = derElements(algorithm);
  const oid = readOid(tagged(type, 0x06));
  const hash = oid === RSA_PSS ? pssHash(parameters?.content) : HASHES[oid];
  if (hash === undefined && oid !== ED25519)
    throw new Error("x509: cannot verify signature: algorithm unimplemented");
  const padding = oid === RSA_PSS ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
  let isValid = false;
  try {
    isValid = verify(oid === ED25519 ? null : hash, data, { key, dsaEncoding: "der", ...padding }, signature);
  } catch {
    // The key is of another kind than the algorithm.
  }
  if (isValid) return;
  const kind = key.asymmetricKeyType;
  if (kind === "rsa") throw new Error("crypto/rsa: verification error");
  throw new Error(`x509: ${kind === "ed25519" ? "Ed25519" : "ECDSA"} verification failure`);
}

/** The hash that the parameters of a PSS signature name; another one for its mask is not taken. */
function pssHash(parameters: Uint8Array = new Uint8Array()): string | undefined {
  try {
    const [hash] = derElements(parameters);
    const [type] = derElements(readDer(tagged(hash, 0xa0).content, 0x30).content);
    return PSS_HASHES[readOid(tagged(type, 0x06))];
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
