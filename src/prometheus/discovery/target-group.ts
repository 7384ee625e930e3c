/** What discovery finds: groups of targets, each group under the source that replaces it later. */
export interface TargetGroup {
  /** Identifies the group within its discoverer: a file, an object of the cluster. */
  source: string;
  /** Labels of each target, `__address__` among them. */
  targets: Readonly<Record<string, string>>[];
  /** Labels that all targets of the group have. */
  labels: Readonly<Record<string, string>>;
}

export interface Discoverer {
  /**
   * Finds targets until the signal aborts. `update` takes the groups that changed; one without targets is gone.
   * Failures are logged and tried again, never thrown.
   */
  run(update: (groups: TargetGroup[]) => void, signal: AbortSignal): Promise<void>;
}

/** A label name of anything: what is not a letter, digit or `_` becomes `_`. */
export function sanitizeLabelName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_");
}
