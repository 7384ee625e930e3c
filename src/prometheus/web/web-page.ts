/** The page for people: HTML, and the browser's program out of `browser/`, bundled when somebody first asks for it. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { HttpResponse } from "../../base/network.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";

export interface PageOptions {
  title: string;
  /** Of all paths; "" or `/x`. */
  prefix: string;
}

interface Bundle {
  /** By file name. */
  assets: Map<string, { contentType: string; contents: Uint8Array }>;
  script: string;
  style: string;
}

/** Only the page's own code runs, and nobody frames it. */
const SAFETY = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'",
  "x-content-type-options": "nosniff",
};

let bundle: Promise<Bundle> | undefined;

/**
 * A file below `/assets/`, or the page for every other path.
 *
 * @throws Error when the page can't be bundled; it is tried again next time
 */
export async function webPage(
  path: string,
  { title, prefix }: PageOptions,
): Promise<HttpResponse | undefined> {
  bundle ??= makeBundle().catch((error) => {
    bundle = undefined;
    throw error;
  });
  const { assets, script, style } = await bundle;
  if (!path.startsWith("/assets/")) {
    const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", ...SAFETY };
    return { status: 200, headers, body: html(title, prefix, script, style) };
  }
  const asset = assets.get(path.slice("/assets/".length));
  if (asset === undefined) return undefined;
  const headers = {
    "content-type": asset.contentType,
    "cache-control": "public, max-age=31536000, immutable",
  };
  return { status: 200, headers, body: asset.contents };
}

async function makeBundle(): Promise<Bundle> {
  // A program of its own, started here and stopped again: idle, this process stays small.
  const esbuild = await import("esbuild");
  const result = await esbuild.build({
    entryPoints: [join(PACKAGE_ROOT, "src/prometheus/web/browser/main.tsx")],
    outdir: "/assets",
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  await esbuild.stop();
  const made: Bundle = { assets: new Map(), script: "", style: "" };
  for (const { path, contents } of result.outputFiles) {
    const isStyle = path.endsWith(".css");
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
    const name = `page.${hash}.${isStyle ? "css" : "js"}`;
    const contentType = isStyle ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    made.assets.set(name, { contentType, contents });
    made[isStyle ? "style" : "script"] = name;
  }
  return made;
}

function html(title: string, prefix: string, script: string, style: string): string {
  const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en" data-prefix="${escaped(prefix)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath d='M3 17 8 9l4 5 4-7 5 10' fill='none' stroke='%23e6522c' stroke-width='3' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="${escaped(prefix)}/assets/${style}">
</head>
<body>
<div id="app"></div>
<script type="module" src="${escaped(prefix)}/assets/${script}"></script>
</body>
</html>
`;
}
