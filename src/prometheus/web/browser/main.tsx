/** The page: which address shows what. */
import { render } from "preact";
import "./page.css";
import { AlertmanagersPage, DiscoveryPage } from "./discovery-page.tsx";
import { QueryPage } from "./query-page.tsx";
import { RulesPage } from "./rules-page.tsx";
import { ConfigPage, StatusPage, TargetsPage, TsdbPage } from "./status-pages.tsx";

const prefix = document.documentElement.dataset["prefix"] ?? "";
const path = location.pathname.slice(prefix.length);

const PAGES: [path: string, title: string, page: () => preact.JSX.Element][] = [
  ["/query", "Query", () => <QueryPage />],
  ["/alerts", "Alerts", () => <RulesPage alertsOnly />],
  ["/targets", "Targets", () => <TargetsPage />],
  ["/service-discovery", "Discovery", () => <DiscoveryPage />],
  ["/rules", "Rules", () => <RulesPage />],
  ["/alertmanager-discovery", "Alertmanagers", () => <AlertmanagersPage />],
  ["/tsdb-status", "TSDB", () => <TsdbPage />],
  ["/config", "Configuration", () => <ConfigPage />],
  ["/flags", "Flags", () => <StatusPage path="status/flags" title="Flags" />],
  ["/status", "Runtime", () => <StatusPage path="status/runtimeinfo" title="Runtime" />],
];
const current = path === "/graph" ? "/query" : path;
const shown = PAGES.find(([each]) => each === current) ?? PAGES[0];

render(
  <>
    <header>
      <a class="brand" href={`${prefix}/query`}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path
            d="M3 17 8 9l4 5 4-7 5 10"
            fill="none"
            stroke="currentColor"
            stroke-width="2.4"
            stroke-linecap="round"
            stroke-linejoin="round"
          />
        </svg>
        Prometheus
      </a>
      <nav>
        {PAGES.map(([each, title]) => (
          <a key={each} href={prefix + each} aria-current={each === shown[0] ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
    </header>
    <main>{shown[2]()}</main>
  </>,
  document.getElementById("app")!,
);
