/** Tokens by OAuth 2.0's grant of client credentials (RFC 6749, 4.4), told of as Go's `oauth2` does. */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { FetchOptions, FetchResponse, HttpHeaders, Network } from "../../base/network.ts";
import { jsonProblem } from "../../wire/json-text.ts";
import { statusLine } from "../../wire/status-line.ts";
import type { OAuth2 } from "../config/http-client-config.ts";
import { requestError } from "./request-error.ts";
import { readSecret } from "./secret-file.ts";

/** A token is renewed this long before it ends. */
const TOKEN_EARLY_MS = 10_000;
const TOKEN_DEFAULT_MS = 300_000;
/** A server's answer may measure so much. */
const MAX_TOKEN_RESPONSE_BYTES = 1 << 20;

interface TokenAnswer {
  status: number;
  type: string;
  text: string;
}

/** @param optionsOf TLS and proxy of requests for tokens */
export function oauthToken(
  oauth2: OAuth2,
  { network, disk, clock }: { network: Network; disk: Disk; clock: Clock },
  optionsOf: (oauth2: OAuth2, disk: Disk) => Promise<FetchOptions>,
): () => Promise<string> {
  let token = "";
  let endsAtMs = 0;
  return async () => {
    if (clock.monotonic() < endsAtMs) return token;
    const secret = oauth2.client_secret_file
      ? await readSecret(disk, oauth2.client_secret_file, "oauth2 client secret")
      : (oauth2.client_secret ?? "");
    const form = new URLSearchParams({ grant_type: "client_credentials", ...oauth2.endpoint_params });
    if (oauth2.scopes?.length) form.set("scope", oauth2.scopes.join(" "));
    const options = await optionsOf(oauth2, disk);
    const ask = (headers: HttpHeaders) => askFor(network, oauth2.token_url, form, { ...options, headers });
    const basic = Buffer.from(`${encodeURIComponent(oauth2.client_id)}:${encodeURIComponent(secret)}`);
    let answer = await ask({ authorization: `Basic ${basic.toString("base64")}` });
    if (answer.status >= 300) {
      // Some servers want to be told in the form who asks.
      form.set("client_id", oauth2.client_id);
      if (secret !== "") form.set("client_secret", secret);
      answer = await ask({});
    }
    if (answer.status >= 300) throw new Error(`oauth2: ${refusal(answer)}`);
    const { access_token, token_type, expires_in } = tokenOf(answer);
    if (!access_token) throw new Error("oauth2: server response missing access_token");
    token = `${schemeOf(token_type)} ${access_token}`;
    const lifetimeMs = Number(expires_in) > 0 ? Number(expires_in) * 1000 : TOKEN_DEFAULT_MS;
    endsAtMs = clock.monotonic() + lifetimeMs - TOKEN_EARLY_MS;
    return token;
  };
}

async function askFor(
  network: Network,
  url: string,
  form: URLSearchParams,
  options: FetchOptions,
): Promise<TokenAnswer> {
  form.sort();
  const headers = { "content-type": "application/x-www-form-urlencoded", ...options.headers };
  const request = { ...options, method: "POST", headers, body: form.toString() };
  let response: FetchResponse;
  try {
    response = await network.fetch(url, request);
  } catch (error) {
    throw requestError("POST", url, error);
  }
  const type = (response.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  return { status: response.status, type, text: await response.text(MAX_TOKEN_RESPONSE_BYTES) };
}

/** Older servers answer in the format of forms. */
function tokenOf({ type, text }: TokenAnswer): Record<string, unknown> {
  if (type === "application/x-www-form-urlencoded" || type === "text/plain")
    return Object.fromEntries(new URLSearchParams(text));
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw new Error(`oauth2: cannot parse json: ${jsonProblem(text)}`);
  }
}

/** Servers write the schemes as they like. */
const SCHEMES: Readonly<Record<string, string>> = {
  "": "Bearer",
  bearer: "Bearer",
  mac: "MAC",
  basic: "Basic",
};

function schemeOf(type: unknown): string {
  const given = typeof type === "string" ? type : "";
  const known = given.toLowerCase();
  return Object.hasOwn(SCHEMES, known) ? SCHEMES[known] : given;
}

/** What a server says of a request that it refuses. */
function refusal({ status, text }: TokenAnswer): string {
  try {
    const { error, error_description: description, error_uri: uri } = JSON.parse(text);
    if (typeof error === "string" && error !== "") {
      const about = description ? ` ${JSON.stringify(description)}` : "";
      return `${JSON.stringify(error)}${about}${uri ? ` ${JSON.stringify(uri)}` : ""}`;
    }
  } catch {
    // Not one of the errors that RFC 6749 has.
  }
  return `cannot fetch token: ${statusLine(status)}\nResponse: ${text}`;
}
