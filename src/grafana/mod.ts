/**
 * Grafana's role: dashboards in the browser, their API, and the stores of traces and logs behind them.
 *
 * Stands for `grafana/grafana` 13.2: its provisioning files, its environment variables, dashboards in the classic JSON
 * model (schema version up to 42, Angular-era panels are migrated) and in schema v2, and of its HTTP API health, login, search,
 * dashboards, folders, data sources, the data source proxy and `/api/ds/query`. Differs on purpose:
 *
 * - dashboards are drawn and not edited in the browser (they are saved by the API);
 * - one organisation, one user (the administrator), no plugins, no alerting of its own (`alertlist` shows Prometheus'), no numeric
 *   ids, no annotations, and of the panels no nodeGraph, traces, histogram, canvas and geomap: they say so;
 * - the traces and logs stores, Tempo's and Loki's roles, live in the same process on those programs' own ports.
 */
export { type ApiContext, GRAFANA_VERSION } from "./api.ts";
export { Authentication } from "./authentication.ts";
export { DashboardStore } from "./dashboard-store.ts";
export { type DataSource, loadDataSources } from "./data-sources.ts";
export { handleRequest } from "./server.ts";
export { type GrafanaSettings, settingsFrom } from "./settings.ts";
export { type Stores, startStores } from "./stores.ts";
export { WebAssets } from "./web-assets.ts";
