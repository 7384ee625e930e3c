/** How Kubernetes and kubectl read YAML: version 1.1 as Go's package takes it. */
import type { Tags } from "yaml";

/** Options of the `yaml` package. `yes` and `0644` are no texts; times and numbers to the base 60 are. */
export const KUBERNETES_YAML = { version: "1.1", customTags: asKubernetesReads } as const;

const LEFT_OUT = new Set(
  ["timestamp", "binary", "omap", "pairs", "set"].map((name) => `tag:yaml.org,2002:${name}`),
);

function asKubernetesReads(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === "string" || !(LEFT_OUT.has(tag.tag) || tag.format === "TIME"));
}
