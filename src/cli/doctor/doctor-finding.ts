/** What `topology doctor` looks at, and what it finds. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export type Level = "ok" | "warn" | "fail";

export interface Finding {
  level: Level;
  /** A name to search for: `tolerance`, `ignore-null-values`. */
  check: string;
  /** `ScaledObject percolate-test/test-db-small`. */
  object: string;
  /** Where it stands: `manifests/scaledobject.yaml:3`; empty for objects of a live cluster. */
  source: string;
  message: string;
  /** What to do about it; absent where there is nothing to do. */
  fix?: string;
}

/** An object and where it comes from. */
export interface Found<T extends KubernetesObject = KubernetesObject> {
  object: T;
  source: string;
}

/** Collects findings about one object. */
export class Examination {
  readonly findings: Finding[] = [];
  readonly #object: string;
  readonly #source: string;

  constructor({ object, source }: Found) {
    const { namespace, name } = object.metadata;
    this.#object = `${object.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    this.#source = source;
  }

  ok(check: string, message: string): void {
    this.#add("ok", check, message);
  }

  warn(check: string, message: string, fix?: string): void {
    this.#add("warn", check, message, fix);
  }

  fail(check: string, message: string, fix?: string): void {
    this.#add("fail", check, message, fix);
  }

  #add(level: Level, check: string, message: string, fix?: string): void {
    const finding = { level, check, object: this.#object, source: this.#source, message };
    this.findings.push(fix === undefined ? finding : { ...finding, fix });
  }
}
