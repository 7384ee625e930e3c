/**
 * `debug` (formerly `logging`): writes what passes into the Collector's own log (upstream `exporter/debugexporter`).
 */
import { countLogRecords } from "../../../model/otlp-logs.ts";
import { countDataPoints, countMetrics } from "../../../model/otlp-metrics.ts";
import { countSpans } from "../../../model/otlp-traces.ts";
import { ALL_SIGNALS, type ExporterFactory, type Payload } from "../../component.ts";
import { any, bool, type Infer, int, object, oneOf, optional, stringList } from "../../config/schema.ts";
import { detailedText } from "./detailed-text.ts";
import { normalText } from "./normal-text.ts";

const CONFIG = object(
  {
    verbosity: oneOf(
      ["none", "basic", "normal", "detailed"],
      "basic",
      (raw) => `unknown metrics level ${JSON.stringify(raw)}`,
    ),
    sampling_initial: int(2),
    sampling_thereafter: int(1),
    use_internal_logger: bool(true),
    output_paths: optional(stringList()),
    sending_queue: any(),
  },
  "debugexporter.Config",
);

export const debugExporter: ExporterFactory<Infer<typeof CONFIG>> = {
  type: "debug",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate({ verbosity, use_internal_logger, output_paths }) {
    if (verbosity === "none") return 'verbosity level "None" is not supported';
    if (use_internal_logger && output_paths !== undefined) {
      return "output_paths is not supported when use_internal_logger is true";
    }
    if (!use_internal_logger && output_paths?.length === 0) {
      return "output_paths must not be empty when use_internal_logger is false";
    }
    return undefined;
  },
  create(config, { log, print }) {
    const say = config.use_internal_logger
      ? (message: string, fields?: Record<string, unknown>) => log.info(message, fields)
      : (message: string, fields?: Record<string, unknown>) =>
          print(`${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}\n`);
    return {
      async consume(payload) {
        const [title, counts] = summary(payload);
        say(title, counts);
        if (config.verbosity === "basic") return;
        say(config.verbosity === "detailed" ? detailedText(payload) : normalText(payload));
      },
    };
  },
};

function summary(payload: Payload): [title: string, counts: Record<string, number>] {
  if (payload.signal === "metrics") {
    const { data } = payload;
    return [
      "Metrics",
      { "resource metrics": data.length, metrics: countMetrics(data), "data points": countDataPoints(data) },
    ];
  }
  if (payload.signal === "traces") {
    return ["Traces", { "resource spans": payload.data.length, spans: countSpans(payload.data) }];
  }
  return ["Logs", { "resource logs": payload.data.length, "log records": countLogRecords(payload.data) }];
}
