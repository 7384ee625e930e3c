/** The section `otlp`. */
import { boolean, ConfigError, list, struct, text } from "./strict-yaml.ts";

export const TRANSLATION_STRATEGIES = [
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
] as const;

export interface OtlpConfig {
  promote_all_resource_attributes?: boolean;
  promote_resource_attributes?: string[];
  ignore_resource_attributes?: string[];
  translation_strategy: string;
  keep_identifying_resource_attributes?: boolean;
  convert_histograms_to_nhcb?: boolean;
  promote_scope_metadata?: boolean;
  label_name_underscore_sanitization: boolean;
  label_name_preserve_multiple_underscores: boolean;
}

export function defaultOtlpConfig(): OtlpConfig {
  return {
    translation_strategy: "UnderscoreEscapingWithSuffixes",
    label_name_underscore_sanitization: true,
    label_name_preserve_multiple_underscores: true,
  };
}

/** What a section that is null has in place of the defaults, as upstream's: names are not translated then. */
export const NO_OTLP: OtlpConfig = {
  translation_strategy: "",
  label_name_underscore_sanitization: false,
  label_name_preserve_multiple_underscores: false,
};

const strings = list(text(), "[]string");

export const otlp = struct<OtlpConfig>({
  type: "config.plain",
  defaults: defaultOtlpConfig,
  fields: {
    promote_all_resource_attributes: boolean,
    promote_resource_attributes: strings,
    ignore_resource_attributes: strings,
    translation_strategy: text("otlptranslator.TranslationStrategyOption"),
    keep_identifying_resource_attributes: boolean,
    convert_histograms_to_nhcb: boolean,
    promote_scope_metadata: boolean,
    label_name_underscore_sanitization: boolean,
    label_name_preserve_multiple_underscores: boolean,
  },
  check(config) {
    const promoted = config.promote_resource_attributes ?? [];
    const ignored = config.ignore_resource_attributes ?? [];
    if (config.promote_all_resource_attributes) {
      if (promoted.length > 0)
        throw new ConfigError(
          "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
        );
      trimAttributes(ignored, "ignored", "invalid 'ignore_resource_attributes'");
    } else {
      if (ignored.length > 0)
        throw new ConfigError(
          "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
        );
      trimAttributes(promoted, "promoted", "invalid 'promote_resource_attributes'");
    }
  },
});

function trimAttributes(attributes: string[], adjective: string, prefix: string): void {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const [index, raw] of attributes.entries()) {
    const name = raw.trim();
    if (name === "") problems.push(`empty ${adjective} OTel resource attribute`);
    else if (seen.has(name))
      problems.push(`duplicated ${adjective} OTel resource attribute ${JSON.stringify(name)}`);
    else {
      seen.add(name);
      attributes[index] = name;
    }
  }
  if (problems.length > 0) throw new ConfigError(`${prefix}: ${problems.join("\n")}`);
}

/** @param names which names of metrics are valid, `global.metric_name_validation_scheme` */
export function checkTranslation(config: OtlpConfig, names: string): void {
  const strategy = config.translation_strategy;
  if (strategy !== "" && !TRANSLATION_STRATEGIES.some((each) => each === strategy))
    throw new ConfigError(`unsupported OTLP translation strategy ${JSON.stringify(strategy)}`);
  const isUtf8 = strategy === "NoTranslation" || strategy === "NoUTF8EscapingWithSuffixes";
  if (isUtf8 && names === "legacy")
    throw new ConfigError(
      `OTLP translation strategy ${JSON.stringify(strategy)} is not allowed when UTF8 is disabled`,
    );
}
