/** Panels that know themselves what they show, without queries: alerts, and links to dashboards. */
import { type DashboardHit, getJson, proxyPath } from "../api.ts";
import type { Field, Frame } from "../data/frame.ts";
import { arrayOf, objectOf, textOf } from "./json.ts";
import type { Panel } from "./model.ts";
import type { QueryContext } from "./query-context.ts";

/** Alerts, or links, of one panel. */
const MAX_ITEMS = 200;

type OwnData = (panel: Panel, context: QueryContext) => Promise<Frame[]>;

export const OWN_DATA: Readonly<Record<string, OwnData>> = { alertlist: alerts, dashlist: dashboards };

function column(name: string, type: Field["type"], values: unknown[]): Field {
  return { name, type, values: values.slice(0, MAX_ITEMS), config: {} };
}

/** Of all data sources that are a Prometheus. */
async function alerts(_panel: Panel, { dataSources, signal }: QueryContext): Promise<Frame[]> {
  const sources = dataSources.filter(({ type }) => type === "prometheus");
  const answers = await Promise.all(
    sources.map(({ uid }) => getJson(proxyPath(uid, "/api/v1/alerts"), signal)),
  );
  const found = answers
    .flatMap((answer) => arrayOf(objectOf(objectOf(answer)["data"])["alerts"]))
    .map(objectOf)
    .sort((a, b) => textOf(b["activeAt"]).localeCompare(textOf(a["activeAt"])));
  const nameOf = (labels: Record<string, unknown>) => {
    const rest = Object.entries(labels).filter(([key]) => key !== "alertname");
    return [labels["alertname"], ...rest.map(([key, value]) => `${key}=${value}`)].join(" ");
  };
  return [
    {
      fields: [
        column(
          "Since",
          "time",
          found.map(({ activeAt }) => Date.parse(textOf(activeAt))),
        ),
        column(
          "Alert",
          "string",
          found.map(({ labels }) => nameOf(objectOf(labels))),
        ),
        column(
          "State",
          "string",
          found.map(({ state }) => state),
        ),
      ],
    },
  ];
}

async function dashboards(panel: Panel, { signal }: QueryContext): Promise<Frame[]> {
  const parameters = new URLSearchParams({ type: "dash-db", query: textOf(panel.options["query"]) });
  for (const tag of arrayOf(panel.options["tags"])) parameters.append("tag", String(tag));
  const hits = (await getJson(`/api/search?${parameters}`, signal)) as DashboardHit[];
  const limit = Number(panel.options["maxItems"] ?? 0) || MAX_ITEMS;
  const shown = hits.slice(0, limit);
  return [
    {
      fields: [
        column(
          "Title",
          "string",
          shown.map(({ title }) => title),
        ),
        column(
          "Url",
          "string",
          shown.map(({ url }) => url),
        ),
      ],
    },
  ];
}
