/** How the tools reach a server: by its URL, and by what `--http.config.file` says (`cmd/promtool/main.go`). */
import type { Machine } from "../../base/machine.ts";
import type { FetchOptions, FetchResponse } from "../../base/network.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { readHttpClient } from "../discovery/http-client-file.ts";
import { requireFiles, type ToolArguments } from "./arguments.ts";

/** The flag of every tool that asks a server. */
export const HTTP_CONFIG_FLAG = "http.config.file";

export interface ServerClient {
  /** Without a slash at the end. */
  base: string;
  request(url: string, options?: FetchOptions): Promise<FetchResponse>;
}

/** @throws ConfigError for a file that cannot be used */
export async function serverClient(
  server: string,
  given: ToolArguments,
  machine: Machine,
): Promise<ServerClient> {
  const { network, disk, clock } = machine;
  const { base, authorization } = addressOf(server);
  const path = given.text(HTTP_CONFIG_FLAG);
  if (path === "") {
    return {
      base,
      request: (url, options = {}) =>
        network.fetch(url, { ...options, headers: { ...authorization, ...options.headers } }),
    };
  }
  await requireFiles([path], machine);
  if (authorization !== undefined)
    throw new ConfigError(
      "promtool: error: Cannot set base auth in the server URL and use a http.config.file at the same time",
    );
  try {
    return { base, request: await readHttpClient(path, { network, disk, clock }) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`promtool: error: Failed to load HTTP config file: ${error.message}`);
  }
}

/** A user and password in the URL go into a header, as Go's client sends them. */
function addressOf(server: string): { base: string; authorization?: { authorization: string } } {
  const trimmed = server.replace(/\/$/, "");
  const url = /^[a-z]+:\/\//i.test(trimmed) ? trimmed : `http:${trimmed}`;
  const match = /^(\w+:\/\/)([^/?#@]*)@(.*)$/s.exec(url);
  if (match === null) return { base: url };
  const [, scheme, user, rest] = match;
  const credentials = Buffer.from(decodeURIComponent(user.includes(":") ? user : `${user}:`));
  return {
    base: scheme + rest,
    authorization: { authorization: `Basic ${credentials.toString("base64")}` },
  };
}

/** What went wrong on the way to a server, as Go's client tells it. */
export function networkProblem(method: string, url: string, error: unknown): string {
  const problem = (error as Error).message.replace(
    /^connect ECONNREFUSED (\S+)$/,
    "dial tcp $1: connect: connection refused",
  );
  return `${method} "${url}": ${problem}`;
}
