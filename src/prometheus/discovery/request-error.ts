/** Why a request got no answer, in the words of Go's HTTP client. */
import { describeNetworkError } from "../../base/network-error.ts";
import { quoteGo } from "../../wire/exposition/go-float.ts";
import { urlTextProblem } from "../scrape/target-url.ts";

/**
 * `Post "http://h/": dial tcp 10.0.0.1:80: connect: connection refused`
 *
 * @param method in capitals
 */
export function requestError(method: string, url: string, error: unknown): Error {
  const verb = method[0] + method.slice(1).toLowerCase();
  const problem = urlTextProblem(url, verb);
  if (problem !== undefined) return new Error(problem);
  return new Error(`${verb} ${quoteGo(url)}: ${failureReason(error)}`);
}

/** Without method and URL. */
export function failureReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ERR_INVALID_CHAR") return headerProblem(message);
  const proxyPort = /^Invalid proxy URL: .*:(\d+)\/?$/.exec(message)?.[1];
  if (Number(proxyPort) > 65_535) return `proxyconnect tcp: dial tcp: address ${proxyPort}: invalid port`;
  return describeNetworkError(error);
}

/** Node names the header in small letters. */
function headerProblem(message: string): string {
  const name = /\["([^"]+)"\]/.exec(message)?.[1] ?? "";
  const canonical = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
  return `net/http: invalid header field value for ${quoteGo(canonical)}`;
}
