/** Requests to the server that the page came from. */
import { browser } from "./browser.ts";
import { objectOf } from "./dashboard/json.ts";

/** The server wants a login first. */
export class LoginRequired extends Error {}

export async function getJson(path: string, signal?: AbortSignal): Promise<unknown> {
  return answerOf(await browser.fetch(path, { signal }));
}

export async function postJson(path: string, body: unknown): Promise<unknown> {
  return answerOf(
    await browser.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = { message: text.slice(0, 200) };
  }
  if (response.ok) return body;
  const { message, error } = objectOf(body);
  if (response.status === 401) throw new LoginRequired(String(message ?? "Unauthorized"));
  throw new Error(String(error ?? message ?? `HTTP ${response.status}`));
}

export interface DataSourceInfo {
  uid: string;
  name: string;
  type: string;
  isDefault: boolean;
  jsonData: Record<string, unknown>;
}

export interface DashboardHit {
  uid: string;
  title: string;
  url: string;
  tags: string[];
  folderTitle?: string;
}

/** The proxy's path of a data source's own API. */
export function proxyPath(uid: string, path: string): string {
  return `/api/datasources/proxy/uid/${encodeURIComponent(uid)}${path}`;
}
