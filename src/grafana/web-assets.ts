/**
 * The page: HTML, and the browser's program out of `web/`, bundled by esbuild when somebody first asks for it. Served
 * compressed, and cached by the browser under a name that changes with the content.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { HttpRequest, HttpResponse } from "../base/network.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";

interface Asset {
  contentType: string;
  plain: Uint8Array;
  gzip: Uint8Array;
}

interface Bundle {
  /** By path. */
  assets: Map<string, Asset>;
  html: string;
}

export class WebAssets {
  #bundle: Promise<Bundle> | undefined;

  /** An asset, or the page for everything else. */
  async respond(request: HttpRequest): Promise<HttpResponse> {
    // What could not be bundled is tried again next time.
    this.#bundle ??= bundleWeb().catch((error) => {
      this.#bundle = undefined;
      throw error;
    });
    const { assets, html } = await this.#bundle;
    const path = request.target.split("?", 1)[0];
    const asset = assets.get(path);
    if (asset !== undefined) return assetResponse(asset, request);
    if (path.startsWith("/public/")) return { status: 404, body: "not found\n" };
    return { status: 200, headers: { "content-type": "text/html; charset=utf-8", ...SAFETY }, body: html };
  }
}

/** Only the page's own code runs, and nobody else's page frames it. */
const SAFETY = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

function assetResponse({ contentType, plain, gzip }: Asset, request: HttpRequest): HttpResponse {
  const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  return {
    status: 200,
    headers: {
      "content-type": contentType,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      ...(takesGzip ? { "content-encoding": "gzip" } : {}),
    },
    body: takesGzip ? gzip : plain,
  };
}

async function bundleWeb(): Promise<Bundle> {
  // esbuild is a program of its own, started here and stopped again: idle, this process should stay small.
  const esbuild = await import("esbuild");
  const entry = join(PACKAGE_ROOT, "src/grafana/web/main.tsx");
  const result = await esbuild.build({
    entryPoints: [entry],
    outdir: "/public/build",
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
  const assets = new Map<string, Asset>();
  const paths: Record<string, string> = {};
  for (const { path, contents } of result.outputFiles) {
    const extension = path.split(".").at(-1)!;
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
    const name = `/public/build/app.${hash}.${extension}`;
    const contentType = extension === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    assets.set(name, { contentType, plain: contents, gzip: gzipSync(contents, { level: 9 }) });
    paths[extension] = name;
  }
  return { assets, html: pageHtml(paths["js"], paths["css"]) };
}

function pageHtml(script: string, style: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Percolate Topology</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 13 6 6l3 4 5-8' fill='none' stroke='%23ff9830' stroke-width='2.2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="${style}">
</head>
<body>
<div id="app"></div>
<script type="module" src="${script}"></script>
</body>
</html>
`;
}
