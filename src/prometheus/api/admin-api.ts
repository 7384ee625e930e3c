/** `/api/v1/admin/tsdb/*`: only with `--web.enable-admin-api`. */
import type { Matcher } from "../matcher.ts";
import type { PrometheusServer } from "../server-state.ts";
import {
  ApiError,
  type ApiResult,
  invalidParameter,
  MAX_TIME_MS,
  MIN_TIME_MS,
  timeParameter,
} from "./api-request.ts";
import { selectorParameters } from "./query-api.ts";

interface AdminCall {
  server: PrometheusServer;
  parameters: URLSearchParams;
}

function requireAdmin(server: PrometheusServer): void {
  if (!server.flags.boolean("web.enable-admin-api")) throw new ApiError("unavailable", "admin APIs disabled");
}

export async function deleteSeries({ server, parameters }: AdminCall): Promise<ApiResult> {
  requireAdmin(server);
  if (parameters.getAll("match[]").length === 0)
    throw new ApiError("bad_data", "no match[] parameter provided");
  const range = {
    minMs: timeParameter(parameters, "start", MIN_TIME_MS),
    maxMs: timeParameter(parameters, "end", MAX_TIME_MS),
  };
  let selectors: Matcher[][];
  try {
    selectors = selectorParameters(parameters);
  } catch (error) {
    throw invalidParameter("match[]", (error as Error).message);
  }
  for (const matchers of selectors) await server.tsdb.deleteSeries(matchers, range);
  return { status: 204 };
}

export async function cleanTombstones({ server }: AdminCall): Promise<ApiResult> {
  requireAdmin(server);
  await server.tsdb.cleanTombstones();
  return { status: 204 };
}

export async function snapshot({ server, parameters }: AdminCall): Promise<ApiResult> {
  requireAdmin(server);
  const text = parameters.get("skip_head") ?? "";
  if (text !== "" && !/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(text))
    throw new ApiError(
      "bad_data",
      `invalid parameter "skip_head": unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return { data: { name: await server.tsdb.snapshot(/^[1tT]/.test(text)) } };
}
