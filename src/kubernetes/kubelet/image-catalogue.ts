/**
 * What `image:` means here: no image is pulled, a program of this machine runs in its place.
 *
 * An image is found by its repository; registry prefixes of Docker Hub, tag and digest do not matter. An entry whose
 * name carries a tag is for that tag only and goes first. Users add their own in one file, `images.yaml`:
 *
 *     images:
 *       acme/orders:            # image: acme/orders:1.4
 *         command: [node, ./orders/main.js]
 *         args: [--port, "8000"]
 *         workingDirectory: ./orders
 *         env: { LOG_LEVEL: debug }
 *       local/anything:
 *         command: [/usr/local/bin/anything]
 *
 * `command` and `args` are an image's ENTRYPOINT and CMD: the container's own `command` and `args` replace them as on
 * Kubernetes. Relative paths start at the file's folder.
 */
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Disk } from "../../base/disk.ts";
import { isMissing } from "../../base/disk.ts";

export interface CatalogueImage {
  /** ENTRYPOINT. */
  command: string[];
  /** CMD. @default [] */
  args?: string[];
  /** WORKDIR. @default the container's own root folder */
  workingDirectory?: string;
  env?: Record<string, string>;
  /** Names by which a pod's `command` may call the image's own program: `/bin/prometheus`. */
  programs?: string[];
}

export interface ImageCatalogue {
  /** The entry for an image reference; undefined when there is none. */
  find(image: string): CatalogueImage | undefined;
  /** All names, sorted: for messages. */
  names: string[];
  /** The user's file: for messages. */
  file?: string;
}

/** The command that starts `topology run <component>`. */
export type ComponentCommand = (component: string) => string[];

const OTEL_RELEASES = "ghcr.io/open-telemetry/opentelemetry-collector-releases";

const BUILT_IN: { component: string; images: string[]; programs?: string[]; env?: Record<string, string> }[] =
  [
    { component: "test-db", images: ["percolate/test-db"] },
    { component: "router", images: ["percolate/router"] },
    {
      component: "prometheus",
      images: ["prom/prometheus", "quay.io/prometheus/prometheus"],
      programs: ["/bin/prometheus", "prometheus"],
      // A query over many series makes megabytes that are gone when it is answered: the small young generation is not for it.
      env: { NODE_OPTIONS: "--max-semi-space-size=2" },
    },
    {
      component: "collector",
      images: [
        "otel/opentelemetry-collector",
        "otel/opentelemetry-collector-contrib",
        `${OTEL_RELEASES}/opentelemetry-collector`,
        `${OTEL_RELEASES}/opentelemetry-collector-contrib`,
      ],
      programs: ["/otelcol", "otelcol", "/otelcol-contrib", "otelcol-contrib"],
    },
    { component: "grafana", images: ["grafana/grafana", "grafana/grafana-oss"], programs: ["/run.sh"] },
    {
      component: "kube-state-metrics",
      images: ["registry.k8s.io/kube-state-metrics/kube-state-metrics"],
      programs: ["/kube-state-metrics", "kube-state-metrics"],
    },
    { component: "keda", images: ["ghcr.io/kedacore/keda"], programs: ["/keda", "keda"] },
  ];

/** `prom/prometheus` and the rest: the images that the project's own components stand in for. */
export function builtInImages(commandOf: ComponentCommand): Record<string, CatalogueImage> {
  return Object.fromEntries(
    BUILT_IN.flatMap(({ component, images, programs, env }) =>
      images.map((image) => [image, { command: commandOf(component), programs, env }]),
    ),
  );
}

/** A catalogue of these entries; of two for one repository, the later object's wins. */
export function createImageCatalogue(...sources: Record<string, CatalogueImage>[]): ImageCatalogue {
  const entries = new Map<string, CatalogueImage>();
  for (const source of sources) {
    for (const [name, image] of Object.entries(source)) entries.set(normalise(name), image);
  }
  return {
    names: [...entries.keys()].sort(),
    find: (image) => entries.get(normalise(image)) ?? entries.get(repositoryOf(normalise(image))),
  };
}

/**
 * Reads a user's file; empty when there is none.
 *
 * @throws an error naming the file and field when it is not what the header of this file shows.
 */
export async function readImagesFile(disk: Disk, path: string): Promise<Record<string, CatalogueImage>> {
  let text: string;
  try {
    text = new TextDecoder().decode(await disk.readFile(path));
  } catch (error) {
    if (isMissing(error)) return {};
    throw error;
  }
  return parseImages(text, path);
}

export function parseImages(text: string, path: string): Record<string, CatalogueImage> {
  const document = parse(text) as unknown;
  if (document === null || document === undefined) return {};
  const fail = (field: string, problem: string): never => {
    throw new Error(`${path}: ${field}: ${problem}`);
  };
  if (!isRecord(document)) return fail("(top)", "expected a mapping with the key images");
  for (const key of Object.keys(document)) if (key !== "images") fail(key, "unknown field, expected images");
  const images = document.images ?? {};
  if (!isRecord(images)) return fail("images", "expected a mapping of image names");
  const folder = dirname(resolve(path));
  return Object.fromEntries(
    Object.entries(images).map(([name, value]) => [name, imageOf(value, `images.${name}`, folder, fail)]),
  );
}

const FIELDS = ["command", "args", "workingDirectory", "env"];

function imageOf(
  value: unknown,
  field: string,
  folder: string,
  fail: (field: string, problem: string) => never,
): CatalogueImage {
  if (!isRecord(value)) return fail(field, "expected a mapping with the key command");
  for (const key of Object.keys(value)) {
    if (!FIELDS.includes(key)) fail(`${field}.${key}`, `unknown field, expected one of ${FIELDS.join(", ")}`);
  }
  const { command, args, workingDirectory, env } = value;
  if (!isStrings(command) || command.length === 0)
    return fail(`${field}.command`, "expected a list of strings");
  if (args !== undefined && !isStrings(args)) return fail(`${field}.args`, "expected a list of strings");
  if (workingDirectory !== undefined && typeof workingDirectory !== "string") {
    return fail(`${field}.workingDirectory`, "expected a string");
  }
  if (env !== undefined && !(isRecord(env) && isStrings(Object.values(env)))) {
    return fail(`${field}.env`, "expected a mapping of strings");
  }
  const local = (path: string) => (/^\.{1,2}\//.test(path) ? resolve(folder, path) : path);
  return {
    command: command.map(local),
    args,
    workingDirectory: workingDirectory === undefined ? undefined : resolve(folder, workingDirectory),
    env: env as Record<string, string> | undefined,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** An image's name in full, as a runtime tells it: `busybox` → `docker.io/library/busybox:latest`. */
export function fullImageName(image: string): string {
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(0, slash));
  const isDomain = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const named = slash === -1 ? `docker.io/library/${image}` : isDomain ? image : `docker.io/${image}`;
  return named.includes("@") || repositoryOf(named) !== named ? named : `${named}:latest`;
}

/** Docker Hub's ways to write one name come to one; the digest goes. */
function normalise(image: string): string {
  return image
    .replace(/@.*$/, "")
    .replace(/^(index\.)?docker\.io\//, "")
    .replace(/^library\//, "");
}

/** Without the tag: a colon behind the last slash; one before it belongs to a registry's port. */
function repositoryOf(image: string): string {
  const colon = image.lastIndexOf(":");
  return colon > image.lastIndexOf("/") ? image.slice(0, colon) : image;
}
