/** The page: HTML, and the browser's program out of `web/`. */
import type { HttpRequest, HttpResponse } from "../base/network.ts";
import { assetResponse, PAGE_SAFETY, PageBundle } from "../base/page-bundle.ts";

/** Where the page's files lie. */
const ASSETS = "/public/build/";

export class WebAssets {
  readonly #bundle = new PageBundle("src/grafana/web/main.tsx");

  /** An asset, or the page for everything else. */
  async respond(request: HttpRequest): Promise<HttpResponse> {
    const { assets, script, style } = await this.#bundle.files();
    const path = request.target.split("?", 1)[0];
    const asset = path.startsWith(ASSETS) ? assets.get(path.slice(ASSETS.length)) : undefined;
    if (asset !== undefined) return assetResponse(asset, request.headers);
    if (path.startsWith("/public/")) return { status: 404, body: "not found\n" };
    const headers = { "content-type": "text/html; charset=utf-8", ...PAGE_SAFETY };
    return { status: 200, headers, body: pageHtml(script, style) };
  }
}

function pageHtml(script: string, style: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Percolate Topology</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 13 6 6l3 4 5-8' fill='none' stroke='%23ff9830' stroke-width='2.2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="${ASSETS}${style}">
</head>
<body>
<div id="app"></div>
<script type="module" src="${ASSETS}${script}"></script>
</body>
</html>
`;
}
