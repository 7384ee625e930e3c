/** The URL with its password, where it has one, as `xxxxx`: what may be shown and logged (Go's `URL.Redacted`). */
export function redactedUrl(url: string): string {
  return url.replace(/^([a-zA-Z][\w+.-]*:\/\/[^/?#@:]*):[^/?#]*@/, "$1:xxxxx@");
}
