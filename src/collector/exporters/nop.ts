/** `nop`: takes everything and drops it. */
import { ALL_SIGNALS, type ExporterFactory } from "../component.ts";
import { object } from "../config/schema.ts";

export const nopExporter: ExporterFactory<object> = {
  type: "nop",
  signals: ALL_SIGNALS,
  schema: object({}, "struct {}"),
  create: () => ({ consume: async () => {} }),
};
