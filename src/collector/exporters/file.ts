/** `file`: appends OTLP/JSON lines to a file (upstream contrib `exporter/fileexporter`). Without rotation. */
import type { DiskFile } from "../../base/disk.ts";
import { OTLP_CODECS } from "../../wire/otlp/signal.ts";
import { ALL_SIGNALS, type ExporterFactory } from "../component.ts";
import { bool, duration, type Infer, object, oneOf, string } from "../config/schema.ts";

const CONFIG = object({
  path: string(),
  append: bool(false),
  create_directory: bool(false),
  format: oneOf(["json", "proto"], "json"),
  compression: string(),
  flush_interval: duration(1_000),
});

export const fileExporter: ExporterFactory<Infer<typeof CONFIG>> = {
  type: "file",
  signals: ALL_SIGNALS,
  schema: CONFIG,
  validate(config) {
    if (config.path === "") return "path must be non-empty";
    if (config.format !== "json") return `format type "${config.format}" is not supported here`;
    return config.compression === "" ? undefined : `compression is not supported here`;
  },
  create(config, { disk }) {
    let file: DiskFile;
    return {
      async start() {
        if (config.create_directory) {
          await disk.makeDirectory(config.path.slice(0, config.path.lastIndexOf("/")) || "/");
        }
        file = await disk.open(config.path, "append");
        if (!config.append) await file.truncate(0);
      },
      async consume({ signal, data }) {
        file.appendNow(new TextEncoder().encode(`${OTLP_CODECS[signal].encodeJson(data as never)}\n`));
      },
      async shutdown() {
        await file?.sync();
        await file?.close();
      },
    };
  },
};
