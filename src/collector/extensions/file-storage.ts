/** `file_storage`: a folder where exporters keep their queues (upstream contrib `extension/storage/filestorage`). */
import type { ExtensionFactory } from "../component.ts";
import { any, bool, duration, type Infer, int, object, string } from "../config/schema.ts";

const CONFIG = object({
  directory: string("/var/lib/otelcol/file_storage"),
  /** Milliseconds. */
  timeout: duration(1_000),
  fsync: bool(false),
  recreate: bool(false),
  create_directory: bool(true),
  directory_permissions: string("0750"),
  max_size: int(0),
  compaction: any(),
});

export const fileStorageExtension: ExtensionFactory<Infer<typeof CONFIG>> = {
  type: "file_storage",
  schema: CONFIG,
  validate(config) {
    if (config.directory === "") return "directory must be specified";
    return config.fsync ? "fsync is not supported here" : undefined;
  },
  create: (config, { disk }) => ({
    storageDirectory: config.directory,
    async start() {
      if (config.create_directory) await disk.makeDirectory(config.directory, { mode: 0o750 });
      else if ((await disk.stat(config.directory)) === undefined) {
        throw new Error(`directory must exist: stat ${config.directory}: no such file or directory`);
      }
    },
  }),
};
