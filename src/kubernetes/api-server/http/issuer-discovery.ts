/** Who issues the tokens of service accounts, and with which key: OpenID Connect discovery (`serviceaccount/openidmetadata.go`). */
import type { HttpResponse } from "../../../base/network.ts";
import { type ServiceAccountTokens, TOKEN_ISSUER } from "../service-account-token.ts";
import { checkAcceptable } from "./accept.ts";

const KEY_SET_TYPE = "application/jwk-set+json";
const KEY_SET_PATH = "/openid/v1/jwks";

/**
 * @param serverAddress `127.0.0.1:6443`
 * @returns undefined for other paths
 * @throws KubernetesError 406
 */
export function issuerResponse(
  path: string,
  accept: string | undefined,
  tokens: ServiceAccountTokens,
  serverAddress: string,
): HttpResponse | undefined {
  if (path === KEY_SET_PATH) {
    checkAcceptable(accept, [KEY_SET_TYPE]);
    return document(KEY_SET_TYPE, tokens.keySet());
  }
  if (path !== "/.well-known/openid-configuration") return undefined;
  checkAcceptable(accept, ["application/json"]);
  return document("application/json", {
    issuer: TOKEN_ISSUER,
    jwks_uri: `https://${serverAddress}${KEY_SET_PATH}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
}

function document(type: string, content: object): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": type, "cache-control": "public, max-age=3600" },
    body: JSON.stringify(content),
  };
}
