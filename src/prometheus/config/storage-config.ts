/** The section `storage`. */
import { duration } from "./discovery-config.ts";
import { ConfigError, float, integer, nullable, parsed, struct, text } from "./strict-yaml.ts";
import { formatBytes, parseBytes } from "./units.ts";

export interface StorageConfig {
  tsdb?: {
    out_of_order_time_window?: number;
    stale_series_compaction_threshold?: number;
    chunk_encoding?: { floats?: string };
    retention?: { time?: number; size?: number; percentage?: number };
  };
  exemplars?: { max_exemplars: number };
}

export const storage = struct<StorageConfig>({
  type: "config.StorageConfig",
  defaults: () => ({}),
  fields: {
    tsdb: nullable(
      struct<NonNullable<StorageConfig["tsdb"]>>({
        type: "config.plain",
        defaults: () => ({}),
        fields: {
          out_of_order_time_window: duration,
          stale_series_compaction_threshold: float,
          chunk_encoding: struct({
            type: "config.ChunkEncodingConfig",
            defaults: () => ({ floats: "" }),
            fields: { floats: text() },
          }),
          retention: nullable(
            struct<{ time?: number; size?: number; percentage?: number }>({
              type: "config.plain",
              defaults: () => ({}),
              fields: { time: duration, size: parsed(parseBytes, 0), percentage: float },
              check({ size = 0, percentage = 0 }) {
                if (size < 0)
                  throw new ConfigError(
                    `'storage.tsdb.retention.size' must be greater than or equal to 0, got ${formatBytes(size)}`,
                  );
                if (percentage < 0 || percentage > 100)
                  throw new ConfigError(
                    `'storage.tsdb.retention.percentage' must be in the range [0, 100], got ${percentage}`,
                  );
              },
            }),
          ),
        },
        check(config) {
          const floats = config.chunk_encoding?.floats ?? "";
          if (floats !== "" && floats !== "xor" && floats !== "xor2")
            throw new ConfigError(
              `'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got ${JSON.stringify(floats)}`,
            );
        },
      }),
    ),
    exemplars: nullable(
      struct({
        type: "config.ExemplarsConfig",
        defaults: () => ({ max_exemplars: 0 }),
        fields: { max_exemplars: integer("int64") },
      }),
    ),
  },
});
