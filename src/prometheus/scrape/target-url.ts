/** A target's URL as Go writes it (`net/url`), and why one that it writes can't be asked. */
import type { Labels } from "../../model/labels.ts";
import { quoteGo } from "../../wire/exposition/go-float.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";

export interface TargetUrl {
  scheme: string;
  /** With the port, as the address has it. */
  host: string;
  path: string;
  /** Without the question mark. */
  query: string;
}

/** What may stand unescaped in each part (`shouldEscape`), besides what may everywhere. */
const UNRESERVED = "-_.~";
const IN_PATH = "$&+,/:;=@";
const IN_HOST = "!$&'()*+,;=:[]<>\"";
const ALPHANUMERIC = /[0-9A-Za-z]/;

/** What the configuration and a target's labels make of its URL. */
export function targetUrl(config: ScrapeConfig, labels: Labels): TargetUrl {
  const names = new Set(Object.keys(config.params ?? {}));
  for (const [name] of labels) if (name.startsWith("__param_")) names.add(name.slice("__param_".length));
  const pairs: string[] = [];
  for (const name of [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const configured = config.params?.[name] ?? [];
    const first = labels.get(`__param_${name}`);
    for (const value of first === "" ? configured : [first, ...configured.slice(1)])
      pairs.push(`${escapeQuery(name)}=${escapeQuery(value)}`);
  }
  return {
    scheme: labels.get("__scheme__"),
    host: labels.get("__address__"),
    path: labels.get("__metrics_path__"),
    query: pairs.join("&"),
  };
}

export function urlText({ scheme, host, path, query }: TargetUrl): string {
  const escapedPath = path === "*" ? path : percentEncoded(path, IN_PATH);
  const rooted = path === "" || path.startsWith("/") ? escapedPath : `/${escapedPath}`;
  const authority = `//${percentEncoded(host, IN_HOST)}`;
  return `${scheme === "" ? "" : `${scheme}:`}${authority}${rooted}${query === "" ? "" : `?${query}`}`;
}

function percentEncoded(text: string, allowed: string): string {
  let out = "";
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    const isPlain = ALPHANUMERIC.test(char) || UNRESERVED.includes(char) || allowed.includes(char);
    out += isPlain ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function escapeQuery(text: string): string {
  return percentEncoded(text, " ").replaceAll(" ", "+");
}

/**
 * The URL that a request is made to, and in whose name its failures are told: the scheme in small letters, no empty
 * port.
 */
export function requestUrl({ scheme, host, ...rest }: TargetUrl): string {
  return urlText({ scheme: scheme.toLowerCase(), host: host.replace(/:$/, ""), ...rest });
}

/** Why no request can be made to a URL, in the words of Go's client; undefined: one can. */
export function urlProblem(url: TargetUrl): string | undefined {
  return problemOf(url, urlText(url), requestUrl(url), "Get");
}

/**
 * As `urlProblem`, of a URL that is there as text.
 *
 * @param verb what is told to have failed: `Get`, `Post`
 */
export function urlTextProblem(text: string, verb: string): string | undefined {
  const match = /^(?:([^:/?#]*):)?\/\/([^/?#]*)/.exec(text);
  if (match === null)
    return text.startsWith(":") ? `parse ${quoteGo(text)}: missing protocol scheme` : undefined;
  const url = { scheme: match[1] ?? "", host: match[2].replace(/^.*@/, ""), path: "", query: "" };
  return problemOf(url, text, text, verb);
}

function problemOf(url: TargetUrl, text: string, asked: string, verb: string): string | undefined {
  const unparsed = parseProblem(url, text);
  if (unparsed !== undefined) return `parse ${quoteGo(text)}: ${unparsed}`;
  const scheme = url.scheme.toLowerCase();
  const failed = `${verb} ${quoteGo(asked)}: `;
  if (scheme !== "http" && scheme !== "https")
    return `${failed}unsupported protocol scheme ${quoteGo(scheme)}`;
  const { host, port } = splitPort(url.host);
  if (Number(port) > 65_535) return `${failed}dial tcp: address ${port}: invalid port`;
  // What else Node makes no URL of is a name that no host has.
  return URL.canParse(asked) ? undefined : `${failed}dial tcp: lookup ${host}: no such host`;
}

function parseProblem({ scheme, host }: TargetUrl, text: string): string | undefined {
  if (scheme !== "" && !/^[A-Za-z][0-9A-Za-z+.-]*$/.test(scheme))
    return scheme.startsWith(":")
      ? "missing protocol scheme"
      : "first path segment in URL cannot contain colon";
  const closing = host.lastIndexOf("]");
  if (host.startsWith("[") && closing < 0) return "missing ']' in host";
  const { colonPort } = splitPort(host);
  if (!/^(?::\d*)?$/.test(colonPort)) return `invalid port ${quoteGo(colonPort)} after host`;
  // Only what is no ASCII may be escaped in a host, and the percent sign itself.
  const escaped = /%(?!25)[0-7][0-9A-F]/.exec(text.slice(text.indexOf("//") + 2).split("/", 1)[0])?.[0];
  return escaped === undefined ? undefined : `invalid URL escape ${quoteGo(escaped)}`;
}

function splitPort(host: string): { host: string; port: string; colonPort: string } {
  const at = host.startsWith("[") ? host.lastIndexOf("]") + 1 : host.lastIndexOf(":");
  const colonPort = at < 0 ? "" : host.slice(at);
  return { host: at < 0 ? host : host.slice(0, at), port: colonPort.slice(1), colonPort };
}
