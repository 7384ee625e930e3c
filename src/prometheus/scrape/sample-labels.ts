/** From the labels that a target exposes to those that are stored (`scrape.mutateSampleLabels`, `verifyLabelLimits`). */
import { compareStrings, Labels, METRIC_NAME } from "../../model/labels.ts";
import { ExpositionError } from "../../wire/exposition/exposition-error.ts";
import { quoteGo } from "../../wire/exposition/go-float.ts";
import { isValidLabelName, isValidMetricName, type NameValidation } from "../config/names.ts";
import type { ScrapeConfig } from "../config/scrape-config.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";

/** A scrape that breaks one of the configured limits counts as failed. */
export class ScrapeLimitError extends Error {}
export class SampleLimitError extends ScrapeLimitError {}
export class LabelLimitError extends ScrapeLimitError {}

/**
 * @param flat `["__name__", name, label0, value0, …]` as exposed
 * @returns undefined when relabelling drops the sample
 * @throws ExpositionError when the labels are not valid
 * @throws ScrapeLimitError
 */
export function sampleLabels(
  flat: readonly string[],
  targetLabels: Labels,
  config: ScrapeConfig,
): Labels | undefined {
  const exposed = exposedLabels(flat);
  const merged = config.honor_labels ? honored(exposed, targetLabels) : renamed(exposed, targetLabels);
  const labels = relabel(merged, (config.metric_relabel_configs ?? []) as RelabelConfig[]);
  if (labels === undefined || labels.size === 0) return undefined;
  checkNames(labels, config.metric_name_validation_scheme as NameValidation);
  checkLimits(labels, config);
  return labels;
}

function exposedLabels(flat: readonly string[]): Map<string, string> {
  const exposed = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) {
    if (exposed.has(flat[i]))
      throw new ExpositionError(`label name ${quoteGo(flat[i])} is not unique: invalid sample`);
    exposed.set(flat[i], flat[i + 1]);
  }
  return exposed;
}

/** The target's labels only where the sample has none, not even an empty one. */
function honored(exposed: Map<string, string>, target: Labels): Labels {
  for (const [name, value] of target) if (!exposed.has(name)) exposed.set(name, value);
  return Labels.of(exposed);
}

/** The target's labels always; a sample's own of the same name becomes `exported_…`. */
function renamed(exposed: Map<string, string>, target: Labels): Labels {
  const conflicts: [string, string][] = [];
  for (const [name, value] of target) {
    const own = exposed.get(name);
    if (own) conflicts.push([name, own]);
    exposed.set(name, value);
  }
  conflicts.sort((a, b) => a[0].length - b[0].length || compareStrings(a[0], b[0]));
  for (const [name, value] of conflicts) {
    let free = name;
    do free = `exported_${free}`;
    while (exposed.get(free));
    exposed.set(free, value);
  }
  return Labels.of(exposed);
}

function checkNames(labels: Labels, scheme: NameValidation): void {
  const metric = labels.get(METRIC_NAME);
  if (metric === "") throw new ExpositionError("missing metric name (__name__ label)");
  let isValid = isValidMetricName(metric, scheme);
  for (const [name] of labels) isValid &&= isValidLabelName(name, scheme);
  if (!isValid) throw new ExpositionError(`invalid metric name or label names: ${labels}`);
}

function checkLimits(labels: Labels, config: ScrapeConfig): void {
  const {
    label_limit: limit,
    label_name_length_limit: nameLimit,
    label_value_length_limit: valueLimit,
  } = config;
  const metric = start(labels.get(METRIC_NAME));
  if (limit > 0 && labels.size > limit)
    throw new LabelLimitError(
      `label_limit exceeded (metric: ${metric}, number of labels: ${labels.size}, limit: ${limit})`,
    );
  if (nameLimit === 0 && valueLimit === 0) return;
  for (const [name, value] of labels) {
    const nameLength = Buffer.byteLength(name);
    if (nameLimit > 0 && nameLength > nameLimit)
      throw new LabelLimitError(
        `label_name_length_limit exceeded (metric: ${metric}, label name: ${start(name)}, length: ${nameLength}, limit: ${nameLimit})`,
      );
    const valueLength = Buffer.byteLength(value);
    if (valueLimit > 0 && valueLength > valueLimit)
      throw new LabelLimitError(
        `label_value_length_limit exceeded (metric: ${metric}, label name: ${start(name)}, value: ${quoteGo(start(value))}, length: ${valueLength}, limit: ${valueLimit})`,
      );
  }
}

/** The first 50 characters, as `%.50s`. */
function start(text: string): string {
  return text.length <= 50 ? text : Array.from(text).slice(0, 50).join("");
}
