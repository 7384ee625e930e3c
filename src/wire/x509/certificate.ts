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

const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  subjectAltName: "2.5.29.17",
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
  const algorithm = derSequence(derOid(OID.ecdsaWithSha256));
  const tbs = derSequence(
    derExplicit(0, derInteger(Uint8Array.of(2))),
    derInteger(request.serial),
    algorithm,
    distinguishedName(issuer),
    derSequence(derTime(request.notBeforeMs), derTime(request.notAfterMs)),
    distinguishedName(request),
    spki(request.publicKey),
    derExplicit(3, derSequence(...extensions(request, issuer))),
  );
  const signature = sign("sha256", tbs, { key: issuer.privateKey, dsaEncoding: "der" });
  return pem("CERTIFICATE", derSequence(tbs, algorithm, derBits(signature)));
}

/** Reads a private key in PEM. */
export function readPrivateKey(text: string): KeyObject {
  return createPrivateKey(text);
}

function distinguishedName(name: { commonName: string; organization?: string }): Uint8Array {
  const part = (oid: string, value: string) => derSet(derSequence(derOid(oid), derText(value)));
  const organization = name.organization ? [part(OID.organization, name.organization)] : [];
  return derSequence(...organization, part(OID.commonName, name.commonName));
}

function spki(key: KeyObject): Uint8Array {
  return key.export({ type: "spki", format: "der" });
}

function extensions(request: CertificateRequest, issuer: Issuer): Uint8Array[] {
  const extension = (oid: string, isCritical: boolean, value: Uint8Array) =>
    derSequence(derOid(oid), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
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
    result.push(extension(OID.subjectAltName, false, derSequence(...hosts.map(generalName))));
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

function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
