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
  const isLate = (error as Error).name === "TimeoutError";
  return new Error(
    `${verb} ${quoteGo(url)}: ${isLate ? LATE : (headerProblem(error) ?? describeNetworkError(error))}`,
  );
}

const LATE = "context deadline exceeded";

/** Node names the header in small letters. */
function headerProblem(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "ERR_INVALID_CHAR") return undefined;
  const name = /\["([^"]+)"\]/.exec(message)?.[1] ?? "";
  return `net/http: invalid header field value for ${quoteGo(name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()))}`;
}
