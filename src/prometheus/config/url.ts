/** URLs as configurations and flags have them. */
import { ConfigError } from "./strict-yaml.ts";

/** Go's `url.Parse` takes nearly everything; what it refuses is refused. @throws ConfigError */
export function checkUrl(value: string): void {
  const refuse = (problem: string) => new ConfigError(`parse ${JSON.stringify(value)}: ${problem}`);
  if (/[\x00-\x1f\x7f]/.test(value)) throw refuse("net/url: invalid control character in URL");
  if (/^:/.test(value)) throw refuse("missing protocol scheme");
  if (/^[^/?#]*:/.test(value) && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(value))
    throw refuse("first path segment in URL cannot contain colon");
}
