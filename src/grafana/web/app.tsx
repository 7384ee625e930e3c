/** The frame around the pages. */
import { useEffect, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, LoginRequired } from "./api.ts";
import { objectOf } from "./dashboard/json.ts";
import { DashboardList } from "./pages/dashboard-list.tsx";
import { DashboardPage } from "./pages/dashboard-page.tsx";
import { LoginPage } from "./pages/login-page.tsx";
import { LogsPage } from "./pages/logs-page.tsx";
import { TracePage } from "./pages/trace-page.tsx";
import { TracesPage } from "./pages/traces-page.tsx";
import { followLink, useLocation } from "./router.ts";

interface Session {
  login: string;
  dataSources: DataSourceInfo[];
}

export function App() {
  const { path, query } = useLocation();
  const [session, setSession] = useState<Session | "needed" | undefined>();
  const load = async () => {
    try {
      const [user, dataSources] = await Promise.all([getJson("/api/user"), getJson("/api/datasources")]);
      setSession({
        login: String(objectOf(user)["login"] ?? ""),
        dataSources: dataSources as DataSourceInfo[],
      });
    } catch (error) {
      if (error instanceof LoginRequired) setSession("needed");
      else throw error;
    }
  };
  useEffect(() => void load(), []);
  if (session === undefined) return null;
  if (session === "needed" || path === "/login") {
    return <LoginPage onDone={load} isNeeded={session === "needed"} />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: links below are the interactive elements
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard activates links, which click
    <div class="page" onClick={followLink}>
      <Page path={path} query={query} session={session} />
    </div>
  );
}

function Page({ path, query, session }: { path: string; query: URLSearchParams; session: Session }) {
  const { dataSources } = session;
  const [, uid] = /^\/d\/([^/]+)/.exec(path) ?? [];
  if (uid !== undefined) {
    return <DashboardPage key={uid} uid={decodeURIComponent(uid)} query={query} dataSources={dataSources} />;
  }
  const [, traceId] = /^\/trace\/([0-9a-fA-F]+)/.exec(path) ?? [];
  if (traceId !== undefined)
    return <TracePage key={traceId} traceId={traceId} query={query} dataSources={dataSources} />;
  if (path === "/traces") return <TracesPage query={query} dataSources={dataSources} />;
  if (path === "/logs") return <LogsPage query={query} dataSources={dataSources} />;
  return <DashboardList session={session} />;
}
