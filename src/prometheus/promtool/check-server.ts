/** `promtool check healthy|ready`: asks a server how it is (`cmd/promtool/main.go` of Prometheus 3.14). */
import type { CliCommand } from "../../base/machine.ts";
import type { FetchResponse } from "../../base/network.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { parseToolArguments } from "./arguments.ts";
import { HTTP_CONFIG_FLAG, networkProblem, serverClient } from "./server-client.ts";

export const DEFAULT_SERVER = "http://localhost:9090";
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

function checkPath(path: string): CliCommand {
  return async (args, machine) => {
    const given = parseToolArguments(args, { values: [HTTP_CONFIG_FLAG, "url", "query.lookback-delta"] });
    const client = await serverClient(given.text("url", DEFAULT_SERVER), given, machine);
    const url = client.base + path;
    let response: FetchResponse;
    let text: string;
    try {
      response = await client.request(url, { timeoutMs: TIMEOUT_MS });
      text = await response.text(MAX_ANSWER_BYTES);
    } catch (error) {
      throw new ConfigError(networkProblem("Get", url, error));
    }
    if (response.status !== 200)
      throw new ConfigError(`check failed: URL=${client.base}, status=${response.status}`);
    machine.printError(`  SUCCESS:  ${text}\n`);
    return 0;
  };
}

export const checkHealthy = checkPath("/-/healthy");
export const checkReady = checkPath("/-/ready");
