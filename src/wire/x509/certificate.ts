/**
 * X.509 certificates (RFC 5280) on P-256 keys: an authority of one's own and the servers that it vouches for. Node
 * reads and checks certificates but cannot make them.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import {
  derBits,
  derBoolean,
  derExplicit,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derText,
  derTime,
  derValue,
} from "./der.ts";
import { type DistinguishedName, derName } from "./distinguished-name.ts";
import { pem } from "./pem.ts";
import { type AlternativeNames, SUBJECT_ALT_NAME, subjectAltName } from "./signing-request.ts";

const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  subjectKeyIdentifier: "2.5.29.14",
  authorityKeyIdentifier: "2.5.29.35",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

export interface CertificateRequest {
  commonName: string;
  organization?: string;
  /** Its public half is what the certificate vouches for. */
  publicKey: KeyObject;
  /** Names and IPv4 addresses that a server goes by. */
  hosts?: readonly string[];
  isAuthority: boolean;
  /** Which side of a connection the certificate is for. @default "server" */
  usage?: "server" | "client";
  notBeforeMs: number;
  notAfterMs: number;
  /** Unpredictable, up to 20 bytes. */
  serial: Uint8Array;
}

export interface Issuer {
  commonName: string;
  organization?: string;
  privateKey: KeyObject;
}

/** The certificate as PEM. An authority is its own issuer. */
export function issueCertificate(request: CertificateRequest, issuer: Issuer): string {
  return signed({ ...request, subject: subjectOf(request) }, extensions(request, issuer), issuer);
}

/** What an authority vouches for at the wish of somebody else. */
export interface GrantedCertificate {
  subject: DistinguishedName;
  publicKey: KeyObject;
  names: AlternativeNames;
  /** Names of usages, as requests for certificates have them in Kubernetes: keys of `USAGE_BITS` and `EXTENDED_USAGES`. */
  usages: readonly string[];
  notBeforeMs: number;
  notAfterMs: number;
  /** Unpredictable, up to 20 bytes. */
  serial: Uint8Array;
}

/** The certificate as PEM, with the extensions that Go's `x509.CreateCertificate` writes, in its order. */
export function grantCertificate(granted: GrantedCertificate, issuer: Issuer): string {
  const subject = derName(granted.subject);
  return signed({ ...granted, subject }, grantedExtensions(granted, subject, issuer), issuer);
}

interface Content {
  subject: Uint8Array;
  publicKey: KeyObject;
  notBeforeMs: number;
  notAfterMs: number;
  serial: Uint8Array;
}

function signed(content: Content, parts: Uint8Array[], issuer: Issuer): string {
  const algorithm = derSequence(derOid(OID.ecdsaWithSha256));
  const tbs = derSequence(
    derExplicit(0, derInteger(Uint8Array.of(2))),
    derInteger(content.serial),
    algorithm,
    subjectOf(issuer),
    derSequence(derTime(content.notBeforeMs), derTime(content.notAfterMs)),
    content.subject,
    spki(content.publicKey),
    derExplicit(3, derSequence(...parts)),
  );
  const signature = sign("sha256", tbs, { key: issuer.privateKey, dsaEncoding: "der" });
  return pem("CERTIFICATE", derSequence(tbs, algorithm, derBits(signature)));
}

/** Reads a private key in PEM. */
export function readPrivateKey(text: string): KeyObject {
  return createPrivateKey(text);
}

function subjectOf(name: { commonName: string; organization?: string }): Uint8Array {
  const part = (oid: string, value: string) => derSet(derSequence(derOid(oid), derText(value)));
  const organization = name.organization ? [part(OID.organization, name.organization)] : [];
  return derSequence(...organization, part(OID.commonName, name.commonName));
}

function spki(key: KeyObject): Uint8Array {
  return key.export({ type: "spki", format: "der" });
}

function extension(oid: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
}

/** Bits of the extension for the usage of keys, the first being the highest of its first byte. */
const USAGE_BITS: Record<string, number> = {
  signing: 0,
  "digital signature": 0,
  "content commitment": 1,
  "key encipherment": 2,
  "data encipherment": 3,
  "key agreement": 4,
  "cert sign": 5,
  "crl sign": 6,
  "encipher only": 7,
  "decipher only": 8,
};

/** Object identifiers of extended usages, in Go's order. */
const EXTENDED_USAGES: Record<string, string> = {
  any: "2.5.29.37.0",
  "server auth": OID.serverAuth,
  "client auth": OID.clientAuth,
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
};

function grantedExtensions(
  { usages, names }: GrantedCertificate,
  subject: Uint8Array,
  issuer: Issuer,
): Uint8Array[] {
  const bits = usages.flatMap((usage) => USAGE_BITS[usage] ?? []);
  const extended = new Set(
    Object.keys(EXTENDED_USAGES)
      .filter((usage) => usages.includes(usage))
      .map((usage) => EXTENDED_USAGES[usage]),
  );
  const issuerId = keyIdentifier(createPublicKey(issuer.privateKey));
  const alternatives = subjectAltName(names);
  // Two bytes: the sequence and its length.
  const isUnnamed = subject.length === 2;
  return [
    ...(bits.length > 0 ? [extension(OID.keyUsage, true, usageBits(bits))] : []),
    ...(extended.size > 0
      ? [extension(OID.extendedKeyUsage, false, derSequence(...[...extended].map(derOid)))]
      : []),
    extension(OID.basicConstraints, true, derSequence()),
    extension(OID.authorityKeyIdentifier, false, derSequence(derValue(0x80, issuerId))),
    ...(alternatives ? [extension(SUBJECT_ALT_NAME, isUnnamed, alternatives)] : []),
  ];
}

function usageBits(bits: number[]): Uint8Array {
  const last = Math.max(...bits);
  const bytes = new Uint8Array((last >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] |= 0x80 >> (bit & 7);
  return derBits(bytes, 7 - (last & 7));
}

function extensions(request: CertificateRequest, issuer: Issuer): Uint8Array[] {
  const issuerId = keyIdentifier(createPublicKey(issuer.privateKey));
  const result = [
    extension(OID.basicConstraints, true, derSequence(...(request.isAuthority ? [derBoolean(true)] : []))),
    // digitalSignature for servers; that, keyCertSign and cRLSign for authorities.
    extension(
      OID.keyUsage,
      true,
      request.isAuthority ? derBits(Uint8Array.of(0x86), 1) : derBits(Uint8Array.of(0x80), 7),
    ),
    extension(OID.subjectKeyIdentifier, false, derOctets(keyIdentifier(request.publicKey))),
    extension(OID.authorityKeyIdentifier, false, derSequence(derValue(0x80, issuerId))),
  ];
  if (!request.isAuthority) {
    const usage = request.usage === "client" ? OID.clientAuth : OID.serverAuth;
    result.push(extension(OID.extendedKeyUsage, false, derSequence(derOid(usage))));
  }
  const hosts = request.hosts ?? [];
  if (hosts.length > 0) {
    result.push(extension(SUBJECT_ALT_NAME, false, derSequence(...hosts.map(generalName))));
  }
  return result;
}

function generalName(host: string): Uint8Array {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host)
    ? derValue(0x87, Uint8Array.from(host.split(".").map(Number)))
    : derValue(0x82, Buffer.from(host, "latin1"));
}

function keyIdentifier(key: KeyObject): Uint8Array {
  return createHash("sha1").update(spki(key)).digest();
}
