/** How a scaler proves itself to its source (keda `pkg/scalers/authentication`). */
import {
  asList,
  asText,
  optional,
  readParameters,
  type TriggerConfig,
  withDefault,
} from "../trigger-config.ts";

const MODES = ["apiKey", "basic", "tls", "bearer", "custom", "oauth"] as const;
/** Of these at most one. */
const EXCLUSIVE = ["bearer", "basic", "oauth"] as const;
const secret = { order: ["authParams" as const] };
const either = { order: ["triggerMetadata" as const, "authParams" as const] };

const PARAMETERS = {
  modes: { ...optional("authModes;authMode", asList, { ...either, allowed: MODES }), exclusive: EXCLUSIVE },
  bearerToken: optional("bearerToken;token", asText, secret),
  username: optional("username", asText, secret),
  password: optional("password", asText, secret),
  cert: optional("cert", asText, secret),
  key: optional("key", asText, secret),
  ca: optional("ca", asText, secret),
  oauthTokenUri: optional("oauthTokenURI", asText, secret),
  clientId: optional("clientID", asText, secret),
  customAuthHeader: optional("customAuthHeader", asText, secret),
  customAuthValue: optional("customAuthValue", asText, secret),
  apiKey: optional("apiKey", asText, either),
  method: withDefault("method", "header", asText, { ...either, allowed: ["header", "query"] }),
  keyParamName: optional("keyParamName", asText, either),
};

export type Authentication = ReturnType<typeof readParameters<typeof PARAMETERS>>;

/** Undefined when no mode is set. @throws Error with upstream's text */
export function readAuthentication(config: TriggerConfig): Authentication | undefined {
  const authentication = readParameters(config, PARAMETERS);
  if ((authentication.modes ?? []).length === 0) return undefined;
  const problem = authenticationProblem(authentication);
  if (problem !== undefined) throw new Error(problem);
  return authentication;
}

function authenticationProblem(authentication: Authentication): string | undefined {
  const shown = (value: string | undefined) => (value === undefined ? "<empty>" : "<present>");
  const has = (mode: (typeof MODES)[number]) => authentication.modes!.includes(mode);
  const {
    bearerToken,
    username,
    cert,
    key,
    oauthTokenUri,
    clientId,
    customAuthHeader,
    customAuthValue,
    apiKey,
  } = authentication;
  if (has("bearer") && bearerToken === undefined) {
    return "bearer token=<empty> is required when bearer auth is enabled";
  }
  if (has("basic") && username === undefined)
    return "username=<empty> is required when basic auth is enabled";
  if (has("tls") && (cert === undefined || key === undefined)) {
    return `cert=${shown(cert)} and key=${shown(key)} are required when tls auth is enabled`;
  }
  if (has("oauth") && (oauthTokenUri === undefined || clientId === undefined)) {
    return `oauthTokenURI=${shown(oauthTokenUri)} and clientID=${shown(clientId)} are required when oauth is enabled`;
  }
  if (has("custom") && (customAuthHeader === undefined || customAuthValue === undefined)) {
    const [header, value] = [shown(customAuthHeader), shown(customAuthValue)];
    return `customAuthHeader=${header} and customAuthValue=${value} are required when custom auth is enabled`;
  }
  if (has("apiKey") && apiKey === undefined) return "apiKey is required when apiKey auth is enabled";
  return undefined;
}

export function basicAuthorization(username: string, password = ""): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Sets the header that the mode asks for: bearer before basic before custom. */
export function authorize(authentication: Authentication | undefined, headers: Record<string, string>): void {
  if (authentication === undefined) return;
  const { modes = [], bearerToken, username, password, customAuthHeader, customAuthValue } = authentication;
  if (modes.includes("bearer")) headers.authorization = `Bearer ${bearerToken}`;
  else if (modes.includes("basic")) headers.authorization = basicAuthorization(username!, password);
  else if (modes.includes("custom")) headers[customAuthHeader!.toLowerCase()] = customAuthValue!;
}
