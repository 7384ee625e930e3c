/** Headers that a configuration must not set, since they are the client's own. */
import { ConfigError } from "./strict-yaml.ts";

const RESERVED_HEADERS = new Set(
  (
    "host content-encoding content-length content-type user-agent connection keep-alive proxy-authenticate " +
    "proxy-authorization www-authenticate accept-encoding x-prometheus-remote-write-version " +
    "x-prometheus-remote-read-version x-amz-date x-amz-security-token x-amz-content-sha256"
  ).split(" "),
);

/** @throws ConfigError with the text `authorization` where it is that header */
export function checkHeaders(headers: Record<string, string> | undefined, authorization: string): void {
  for (const name of Object.keys(headers ?? {})) {
    if (name.toLowerCase() === "authorization") throw new ConfigError(authorization);
    if (RESERVED_HEADERS.has(name.toLowerCase()))
      throw new ConfigError(`${name} is a reserved header. It must not be changed`);
  }
}
