/** Alerts as Alertmanagers get them (`notifier/alert.go`, `notifier/util.go`). */
import { compareStrings, Labels } from "../../model/labels.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";

export interface Notification {
  labels: Labels;
  annotations: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, as `endsAtMs`. */
  startsAtMs: number;
  endsAtMs: number;
  generatorUrl: string;
}

/** With the labels that it lacks, and relabelled; those that the rules drop are left out. */
export function relabelled(
  alerts: readonly Notification[],
  rules: readonly RelabelConfig[],
  external: Readonly<Record<string, string>> = {},
): Notification[] {
  return alerts.flatMap((alert) => {
    const labels = relabel(Labels.of([...Object.entries(external), ...alert.labels]), rules);
    return labels === undefined ? [] : [{ ...alert, labels }];
  });
}

/** The body of a request of the API v2, as upstream writes it: empty annotations are left out. */
export function alertsBody(alerts: readonly Notification[]): string {
  const shown = alerts.map(({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }) => ({
    ...(Object.keys(annotations).length === 0 ? {} : { annotations: sorted(annotations) }),
    endsAt: new Date(endsAtMs).toISOString(),
    startsAt: new Date(startsAtMs).toISOString(),
    ...(generatorUrl === "" ? {} : { generatorURL: generatorUrl }),
    labels: labels.toObject(),
  }));
  return JSON.stringify(shown).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => compareStrings(a, b)));
}
