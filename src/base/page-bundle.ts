/**
 * A page's program for the browser, bundled by esbuild when somebody first asks for it, served compressed, and cached by
 * the browser under names that change with the content.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { HttpRequest, HttpResponse } from "./network.ts";
import { PACKAGE_ROOT } from "./program-files.ts";

export interface PageFiles {
  /** By file name: `page.0123456789ab.js`. */
  assets: ReadonlyMap<string, PageAsset>;
  script: string;
  style: string;
}

export interface PageAsset {
  contentType: string;
  plain: Uint8Array;
  gzip: Uint8Array;
}

/** Only the page's own code runs, and nobody else's page frames it. */
export const PAGE_SAFETY = {
  "content-security-policy":
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

export class PageBundle {
  readonly #entry: string;
  #files: Promise<PageFiles> | undefined;

  /** @param entry the browser's main module, relative to the package */
  constructor(entry: string) {
    this.#entry = entry;
  }

  /** @throws Error when the page can't be bundled; it is tried again next time */
  files(): Promise<PageFiles> {
    this.#files ??= bundlePage(this.#entry).catch((error) => {
      this.#files = undefined;
      throw error;
    });
    return this.#files;
  }
}

export function assetResponse(
  { contentType, plain, gzip }: PageAsset,
  headers: HttpRequest["headers"],
): HttpResponse {
  const takesGzip = /\bgzip\b/.test(headers["accept-encoding"] ?? "");
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

async function bundlePage(entry: string): Promise<PageFiles> {
  // esbuild is a program of its own, started here and stopped again: idle, this process should stay small.
  const esbuild = await import("esbuild");
  const result = await esbuild.build({
    entryPoints: [join(PACKAGE_ROOT, entry)],
    outdir: "/",
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
  const assets = new Map<string, PageAsset>();
  const names = { js: "", css: "" };
  for (const { path, contents } of result.outputFiles) {
    const extension = path.endsWith(".css") ? "css" : "js";
    const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
    const name = `page.${hash}.${extension}`;
    const contentType = extension === "css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    assets.set(name, { contentType, plain: contents, gzip: gzipSync(contents, { level: 9 }) });
    names[extension] = name;
  }
  return { assets, script: names.js, style: names.css };
}
