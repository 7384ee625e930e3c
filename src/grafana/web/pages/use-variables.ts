/** A dashboard's variables, one after the other, as later ones may ask with the values of earlier ones. */
import { useEffect, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import type { Scope, VariableValue } from "../dashboard/interpolate.ts";
import { objectOf } from "../dashboard/json.ts";
import type { Variable } from "../dashboard/model.ts";
import { findDataSource } from "../dashboard/run-queries.ts";
import type { TimeRange } from "../dashboard/time-range.ts";
import {
  resolveVariable,
  type VariableSources,
  type VariableState,
  valueOfState,
} from "../dashboard/variables.ts";
import { labelText } from "../data/frame.ts";
import type { PrometheusSeries } from "../data/prometheus.ts";

/** Undefined until they are known for the first time. Asked for again when the address changes, not at each refresh. */
export function useVariables(
  variables: readonly Variable[],
  query: URLSearchParams,
  range: TimeRange,
  dataSources: readonly DataSourceInfo[],
): VariableState[] | undefined {
  const [states, setStates] = useState<VariableState[] | undefined>(variables.length === 0 ? [] : undefined);
  const wanted = [...query].filter(([name]) => name.startsWith("var-"));
  const key = JSON.stringify([wanted, query.get("from"), query.get("to")]);
  useEffect(() => {
    if (variables.length === 0) return;
    const abort = new AbortController();
    resolveAll(variables, query, range, dataSources, abort.signal).then(
      (resolved) => abort.signal.aborted || setStates(resolved),
      () => {},
    );
    return () => abort.abort();
  }, [key]);
  return states;
}

async function resolveAll(
  variables: readonly Variable[],
  query: URLSearchParams,
  range: TimeRange,
  dataSources: readonly DataSourceInfo[],
  signal: AbortSignal,
): Promise<VariableState[]> {
  const scope = new Map<string, VariableValue>();
  const states: VariableState[] = [];
  for (const variable of variables) {
    const wanted = query.has(`var-${variable.name}`) ? query.getAll(`var-${variable.name}`) : undefined;
    let state: VariableState;
    try {
      state = await resolveVariable(variable, wanted, scope, sourcesFor(scope, range, dataSources, signal));
    } catch (error) {
      signal.throwIfAborted();
      console.warn(`variable ${variable.name}`, error);
      state = { variable, choices: [], selected: wanted ?? [] };
    }
    states.push(state);
    scope.set(variable.name, valueOfState(state));
  }
  return states;
}

function sourcesFor(
  scope: Scope,
  range: TimeRange,
  dataSources: readonly DataSourceInfo[],
  signal: AbortSignal,
): VariableSources {
  const times = { start: String(range.fromMs / 1000), end: String(range.toMs / 1000) };
  const ask = async (ref: unknown, path: string, parameters: Record<string, string>): Promise<unknown> => {
    const source = findDataSource(ref as string, dataSources, scope);
    if (source === undefined || source.type !== "prometheus") return [];
    const url = proxyPath(source.uid, `/api/v1/${path}?${new URLSearchParams(parameters)}`);
    return objectOf(await getJson(url, signal))["data"] ?? [];
  };
  const values = async (ref: unknown, label: string, selector: string | undefined) =>
    (await ask(
      ref,
      `label/${encodeURIComponent(label)}/values`,
      selector === undefined ? times : { ...times, "match[]": selector },
    )) as string[];
  return {
    dataSources,
    labelValues: values,
    labelNames: async (ref) => (await ask(ref, "labels", times)) as string[],
    metricNames: (ref) => values(ref, "__name__", undefined),
    async queryResult(ref, query) {
      const data = objectOf(await ask(ref, "query", { query, time: times.end }));
      if (data["resultType"] !== "vector")
        return Array.isArray(data["result"]) ? [String(data["result"][1])] : [];
      return (data["result"] as PrometheusSeries[]).map(
        ({ metric, value }) => `${labelText(metric)} ${value?.[1]} ${(value?.[0] ?? 0) * 1000}`,
      );
    },
  };
}
