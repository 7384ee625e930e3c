/** The cluster's own certificate authority and the API server's certificate, kept in the data directory. */
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { type Disk, isMissing } from "../../base/disk.ts";
import type { TlsIdentity } from "../../base/network.ts";
import type { Random } from "../../base/random.ts";
import { type Issuer, issueCertificate, readPrivateKey } from "../../wire/x509/certificate.ts";

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_NAME = "kubernetes";
/** Vouches for the API server where it speaks for a user to a server that it aggregates. */
const FRONT_PROXY_AUTHORITY = "front-proxy-ca";
/** As kubeadm names it; servers that are aggregated take no other. */
export const FRONT_PROXY_NAME = "front-proxy-client";
/** As kubeadm: ten years for the authority, one for a server's certificate. */
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 365;
/** A certificate is replaced when it has less than this left. */
const RENEW_BEFORE_DAYS = 30;
/** Clocks of clients may be late. */
const BACKDATE_MS = 3600 * 1000;

export interface ClusterIdentity {
  /** PEM of the authority: what clients trust. */
  ca: string;
  /** Signs what the authority vouches for. */
  signer: Issuer;
  tls: TlsIdentity;
  /** Signs service accounts' tokens. */
  tokenKey: KeyObject;
  frontProxy: FrontProxyIdentity;
}

/** By what aggregated servers know that the user's name in a request's headers comes from the API server. */
export interface FrontProxyIdentity {
  /** PEM. */
  ca: string;
  tls: TlsIdentity;
}

export interface IdentityOptions {
  disk: Disk;
  clock: Clock;
  random: Random;
  /** `ca`, `apiserver`, `front-proxy-ca`, `front-proxy-client` (`.crt`, `.key`) and `sa.key`; keys with mode 0600. */
  directory: string;
  /** Names and addresses under which clients reach the server. */
  hosts: readonly string[];
}

/** Reads what an earlier run made; makes what is missing or about to expire. */
export async function clusterIdentity(options: IdentityOptions): Promise<ClusterIdentity> {
  await options.disk.makeDirectory(options.directory, { mode: 0o700 });
  const caKey = await keyAt(options, "ca.key");
  const ca = await certificateAt(
    options,
    "ca.crt",
    (text) => isCurrent(options, text, []),
    () => issue(options, createPublicKey(caKey), caKey, { commonName: AUTHORITY_NAME, days: AUTHORITY_DAYS }),
  );
  const serverKey = await keyAt(options, "apiserver.key");
  const isOurs = (text: string) =>
    isCurrent(options, text, options.hosts) && new X509Certificate(text).verify(createPublicKey(caKey));
  const cert = await certificateAt(options, "apiserver.crt", isOurs, () =>
    issue(options, createPublicKey(serverKey), caKey, {
      commonName: "kube-apiserver",
      days: SERVER_DAYS,
      hosts: options.hosts,
    }),
  );
  return {
    ca,
    signer: { commonName: AUTHORITY_NAME, privateKey: caKey },
    tls: { cert, key: pemOf(serverKey) },
    tokenKey: await keyAt(options, "sa.key"),
    frontProxy: await frontProxyIdentity(options),
  };
}

async function frontProxyIdentity(options: IdentityOptions): Promise<FrontProxyIdentity> {
  const caKey = await keyAt(options, "front-proxy-ca.key");
  const ca = await certificateAt(
    options,
    "front-proxy-ca.crt",
    (text) => isCurrent(options, text, []),
    () =>
      issue(options, createPublicKey(caKey), caKey, {
        commonName: FRONT_PROXY_AUTHORITY,
        issuer: FRONT_PROXY_AUTHORITY,
        days: AUTHORITY_DAYS,
      }),
  );
  const key = await keyAt(options, "front-proxy-client.key");
  const isOurs = (text: string) =>
    isCurrent(options, text, []) && new X509Certificate(text).verify(createPublicKey(caKey));
  const cert = await certificateAt(options, "front-proxy-client.crt", isOurs, () =>
    issue(options, createPublicKey(key), caKey, {
      commonName: FRONT_PROXY_NAME,
      issuer: FRONT_PROXY_AUTHORITY,
      days: SERVER_DAYS,
      usage: "client",
    }),
  );
  return { ca, tls: { cert, key: pemOf(key) } };
}

async function keyAt({ disk, directory }: IdentityOptions, name: string): Promise<KeyObject> {
  const kept = await readText(disk, `${directory}/${name}`);
  if (kept !== undefined) return readPrivateKey(kept);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await disk.writeFile(`${directory}/${name}`, pemOf(privateKey), { mode: 0o600 });
  return privateKey;
}

async function certificateAt(
  { disk, directory }: IdentityOptions,
  name: string,
  isUsable: (text: string) => boolean,
  make: () => string,
): Promise<string> {
  const kept = await readText(disk, `${directory}/${name}`);
  if (kept !== undefined && isUsable(kept)) return kept;
  const made = make();
  await disk.writeFile(`${directory}/${name}`, made);
  return made;
}

function issue(
  { clock, random }: IdentityOptions,
  publicKey: KeyObject,
  privateKey: KeyObject,
  request: {
    commonName: string;
    issuer?: string;
    days: number;
    hosts?: readonly string[];
    usage?: "client";
  },
): string {
  const now = clock.now();
  const { commonName, issuer = AUTHORITY_NAME, days, hosts, usage } = request;
  return issueCertificate(
    {
      commonName,
      hosts,
      publicKey,
      isAuthority: hosts === undefined && usage === undefined,
      usage,
      notBeforeMs: now - BACKDATE_MS,
      notAfterMs: now + days * DAY_MS,
      serial: random.bytes(16),
    },
    { commonName: issuer, privateKey },
  );
}

/** Whether a certificate still holds for a while and names all hosts. */
function isCurrent({ clock }: IdentityOptions, text: string, hosts: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(text);
    const isFresh = Date.parse(certificate.validTo) - clock.now() > RENEW_BEFORE_DAYS * DAY_MS;
    return isFresh && hosts.every((host) => certificate.checkIP(host) ?? certificate.checkHost(host));
  } catch {
    return false;
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await disk.readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
