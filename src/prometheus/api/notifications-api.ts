/** `/api/v1/notifications/live`: notifications as server-sent events. */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import type { Notification } from "../notifications.ts";
import type { PrometheusServer } from "../server-state.ts";
import { apiJson } from "./api-json.ts";

export function liveNotifications(request: HttpRequest, { notifications }: PrometheusServer): HttpResponse {
  const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
  const subscription = notifications.subscribe(request.signal);
  if (subscription === undefined) return { status: 204, headers };
  return { status: 200, headers, body: events(subscription) };
}

async function* events(notifications: AsyncIterable<Notification>): AsyncIterable<Uint8Array> {
  for await (const notification of notifications) yield Buffer.from(`data: ${apiJson(notification)}\n\n`);
}
