/** Tokens of service accounts: JWTs (ES256) with the claims of Kubernetes' projected tokens. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { Clock } from "../../base/clock.ts";

export const TOKEN_ISSUER = "https://kubernetes.default.svc.cluster.local";
export const DEFAULT_TOKEN_SECONDS = 3600;
/** A day; Kubernetes' own bound is configurable. Ten minutes is the least that may be asked for. */
export const MAX_TOKEN_SECONDS = 24 * 3600;
export const MIN_TOKEN_SECONDS = 600;
/** Longer ones are none of ours. */
const MAX_TOKEN_LENGTH = 4096;

export interface TokenSubject {
  namespace: string;
  serviceAccount: string;
  uid: string;
  /** The pod that the token dies with. */
  pod?: { name: string; uid: string };
}

export interface TokenClaims {
  iss: string;
  sub: string;
  aud: string[];
  iat: number;
  nbf: number;
  exp: number;
  "kubernetes.io": {
    namespace: string;
    serviceaccount: { name: string; uid: string };
    pod?: { name: string; uid: string };
  };
}

export class ServiceAccountTokens {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  /** What tells the key apart from others: a digest of it. */
  readonly #keyId: string;
  readonly #clock: Clock;

  constructor(privateKey: KeyObject, clock: Clock) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
    const der = this.#publicKey.export({ type: "spki", format: "der" });
    this.#keyId = createHash("sha256").update(der).digest("base64url");
    this.#clock = clock;
  }

  issue(
    subject: TokenSubject,
    seconds: number,
    audiences: readonly string[] = [TOKEN_ISSUER],
  ): { token: string; expiresMs: number } {
    const now = Math.floor(this.#clock.now() / 1000);
    const claims: TokenClaims = {
      aud: [...audiences],
      exp: now + seconds,
      iat: now,
      iss: TOKEN_ISSUER,
      "kubernetes.io": {
        namespace: subject.namespace,
        ...(subject.pod && { pod: subject.pod }),
        serviceaccount: { name: subject.serviceAccount, uid: subject.uid },
      },
      nbf: now,
      sub: `system:serviceaccount:${subject.namespace}:${subject.serviceAccount}`,
    };
    const content = `${encodePart({ alg: "ES256", kid: this.#keyId })}.${encodePart(claims)}`;
    const signature = sign("sha256", Buffer.from(content), {
      key: this.#privateKey,
      dsaEncoding: "ieee-p1363",
    });
    return { token: `${content}.${signature.toString("base64url")}`, expiresMs: claims.exp * 1000 };
  }

  /** The public key, with which others can check our tokens (RFC 7517). */
  keySet(): { keys: object[] } {
    const { kty, crv, x, y } = this.#publicKey.export({ format: "jwk" });
    return { keys: [{ use: "sig", kty, kid: this.#keyId, crv, alg: "ES256", x, y }] };
  }

  /** The claims of a token that we signed and that has not expired, or undefined. */
  check(token: string): TokenClaims | undefined {
    if (token.length > MAX_TOKEN_LENGTH) return undefined;
    const [header, payload, signature, ...rest] = token.split(".");
    if (!signature || rest.length > 0) return undefined;
    const isOurs = verify(
      "sha256",
      Buffer.from(`${header}.${payload}`),
      { key: this.#publicKey, dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
    if (!isOurs) return undefined;
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as TokenClaims;
    const now = this.#clock.now() / 1000;
    return now >= claims.nbf && now < claims.exp ? claims : undefined;
  }
}

function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
