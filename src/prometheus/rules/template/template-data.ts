/** What a rule's template is given. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import type { QuerySample } from "./values.ts";

export interface TemplateData {
  labels: Record<string, string>;
  externalLabels: Record<string, string>;
  externalUrl: string;
  value: number | FloatHistogram;
  /** When the rule is evaluated; milliseconds. */
  timestampMs: number;
  /** Runs an instant query. */
  query: (expression: string) => Promise<QuerySample[]>;
}
