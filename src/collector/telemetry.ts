/** The Collector's metrics about itself, in Prometheus' text format, by upstream's names. */

type Labels = Record<string, string>;

interface Family {
  type: "counter" | "gauge";
  help: string;
  /** By rendered labels. */
  values: Map<string, number | (() => number)>;
}

/** Series of one family; what comes after has no series of its own. */
export const MAX_SERIES_PER_FAMILY = 2000;

export class Telemetry {
  readonly #families = new Map<string, Family>();

  /** Adds to a counter. */
  count(name: string, help: string, labels: Labels, increment = 1): void {
    const values = this.#family(name, "counter", help).values;
    const key = render(labels);
    const value = values.get(key);
    if (value === undefined && values.size >= MAX_SERIES_PER_FAMILY) return;
    values.set(key, ((value as number | undefined) ?? 0) + increment);
  }

  /** A gauge that is read when somebody asks. */
  observe(name: string, help: string, labels: Labels, read: () => number): void {
    this.#family(name, "gauge", help).values.set(render(labels), read);
  }

  /** The sum over all series of a counter or gauge. */
  total(name: string): number {
    let sum = 0;
    for (const value of this.#families.get(name)?.values.values() ?? []) sum += read(value);
    return sum;
  }

  exposition(): string {
    const lines: string[] = [];
    for (const [name, family] of [...this.#families].sort(([a], [b]) => (a < b ? -1 : 1))) {
      lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`);
      for (const [labels, value] of family.values) lines.push(`${name}${labels} ${read(value)}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #family(name: string, type: Family["type"], help: string): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { type, help, values: new Map() };
      this.#families.set(name, family);
    }
    return family;
  }
}

function read(value: number | (() => number)): number {
  return typeof value === "function" ? value() : value;
}

function render(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
