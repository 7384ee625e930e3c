/**
 * `attributes`: changes the attributes of spans, log records and data points (upstream contrib
 * `processor/attributesprocessor`). Without `include` and `exclude`, which a configuration may not have here.
 */
import type { Attributes } from "../../model/otlp-attributes.ts";
import type { MetricData } from "../../model/otlp-metrics.ts";
import { ALL_SIGNALS, type Payload, type ProcessorFactory } from "../component.ts";
import { type Infer, object } from "../config/schema.ts";
import { ACTIONS, type ChangeAttributes, compileActions, validateActions } from "./attribute-actions.ts";

const CONFIG = object({ actions: ACTIONS });

export const attributesProcessor: ProcessorFactory<Infer<typeof CONFIG>> = {
  type: "attributes",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate({ actions }) {
    if (actions.length === 0) return 'missing required field "actions"';
    return validateActions(actions);
  },
  create(config, _settings, next) {
    const change = compileActions(config.actions);
    return { consume: (payload) => next(changeItems(payload, change)) };
  },
};

function changeItems(payload: Payload, change: ChangeAttributes): Payload {
  const changeAll = <T extends { readonly attributes: Attributes }>(items: readonly T[]) =>
    items.map((item) => ({ ...item, attributes: change(item.attributes) }));
  if (payload.signal === "traces") {
    const data = payload.data.map((resource) => ({
      ...resource,
      scopeSpans: resource.scopeSpans.map((scope) => ({ ...scope, spans: changeAll(scope.spans) })),
    }));
    return { signal: "traces", data };
  }
  if (payload.signal === "logs") {
    const data = payload.data.map((resource) => ({
      ...resource,
      scopeLogs: resource.scopeLogs.map((scope) => ({ ...scope, logRecords: changeAll(scope.logRecords) })),
    }));
    return { signal: "logs", data };
  }
  const data = payload.data.map((resource) => ({
    ...resource,
    scopeMetrics: resource.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => ({
        ...metric,
        data: {
          ...metric.data,
          points: changeAll<{ attributes: Attributes }>(metric.data.points),
        } as unknown as MetricData,
      })),
    })),
  }));
  return { signal: "metrics", data };
}
