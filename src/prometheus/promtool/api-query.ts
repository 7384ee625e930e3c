/** Questions to a server's HTTP API, with the failures that upstream's client tells (`api/prometheus/v1` of client_golang). */
import type { FetchResponse } from "../../base/network.ts";
import { networkProblem, type ServerClient } from "./server-client.ts";

/** An answer may measure so much. */
export const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

export interface ApiAnswer {
  status: string;
  errorType?: string;
  error?: string;
  warnings?: string[];
  data: unknown;
}

export interface ApiQuestion {
  path: string;
  parameters: [string, string][];
  /** By GET, rather than POST with GET where the server doesn't take that. */
  isGet?: boolean;
  headers?: Record<string, string>;
}

/** The server's refusal, or none at all. `detail` is the body of an answer that was none of the API's. */
export class ApiQueryError extends Error {
  readonly detail: string;

  constructor(message: string, detail = "") {
    super(message);
    this.name = "ApiQueryError";
    this.detail = detail;
  }
}

/** @throws ApiQueryError */
export async function askApi(client: ServerClient, question: ApiQuestion): Promise<ApiAnswer> {
  const { path, parameters, isGet = false, headers = {} } = question;
  const url = `${client.base}/api/v1/${path}`;
  const query = new URLSearchParams(parameters).toString();
  let response: FetchResponse | undefined;
  try {
    if (!isGet) {
      const type = { "content-type": "application/x-www-form-urlencoded" };
      response = await client.request(url, {
        method: "POST",
        headers: { ...type, ...headers },
        body: query,
      });
    }
    if (response === undefined || response.status === 405 || response.status === 501) {
      response = await client.request(query === "" ? url : `${url}?${query}`, { headers });
    }
    return answerOf(response.status, await response.text(MAX_ANSWER_BYTES));
  } catch (error) {
    if (error instanceof ApiQueryError) throw error;
    throw new ApiQueryError(networkProblem(isGet ? "Get" : "Post", url, error));
  }
}

function answerOf(status: number, body: string): ApiAnswer {
  const isApiError = status === 400 || status === 422;
  if (Math.floor(status / 100) !== 2 && !isApiError) {
    const kind = status >= 500 ? "server" : "client";
    throw new ApiQueryError(`${kind}_error: ${kind} error: ${status}`, body.trim());
  }
  let answer: ApiAnswer;
  try {
    answer = JSON.parse(body) as ApiAnswer;
  } catch (error) {
    throw new ApiQueryError(`bad_response: ${(error as Error).message}`);
  }
  if (isApiError && answer.status === "error")
    throw new ApiQueryError(`${answer.errorType}: ${answer.error}`);
  if (isApiError || answer.status !== "success")
    throw new ApiQueryError("bad_response: inconsistent body for response code");
  return answer;
}

/** A time as the API reads it. */
export function apiTime(timeMs: number): string {
  return String(timeMs / 1000);
}
