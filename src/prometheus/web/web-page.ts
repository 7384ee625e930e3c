/** The page for people: HTML, and the browser's program out of `browser/`, bundled when somebody first asks for it. */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { assetResponse, PAGE_SAFETY, PageBundle } from "../../base/page-bundle.ts";

export interface PageOptions {
  title: string;
  /** Of all paths; "" or `/x`. */
  prefix: string;
}

const ASSETS = "/assets/";

const bundle = new PageBundle("src/prometheus/web/browser/main.tsx");

/**
 * A file below `/assets/`, or the page for every other path.
 *
 * @throws Error when the page can't be bundled; it is tried again next time
 */
export async function webPage(
  path: string,
  requestHeaders: HttpRequest["headers"],
  { title, prefix }: PageOptions,
): Promise<HttpResponse | undefined> {
  const { assets, script, style } = await bundle.files();
  if (path.startsWith(ASSETS)) {
    const asset = assets.get(path.slice(ASSETS.length));
    return asset && assetResponse(asset, requestHeaders);
  }
  const headers = { "content-type": "text/html; charset=utf-8", ...PAGE_SAFETY };
  return { status: 200, headers, body: html(title, prefix, script, style) };
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
