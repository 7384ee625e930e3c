/** The frame around the pages. */
import { useEffect, useState } from "preact/hooks";
import { type DataSourceInfo, getJson, LoginRequired } from "./api.ts";
import { objectOf } from "./dashboard/read-dashboard.ts";
import { DashboardList } from "./pages/dashboard-list.tsx";
import { DashboardPage } from "./pages/dashboard-page.tsx";
import { LoginPage } from "./pages/login-page.tsx";
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
  const [, uid] = /^\/d\/([^/]+)/.exec(path) ?? [];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: links below are the interactive elements
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard activates links, which click
    <div class="page" onClick={followLink}>
      {uid === undefined ? (
        <DashboardList session={session} />
      ) : (
        <DashboardPage
          key={uid}
          uid={decodeURIComponent(uid)}
          query={query}
          dataSources={session.dataSources}
        />
      )}
    </div>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <path
        d="M2 13 6 6l3 4 5-8"
        fill="none"
        stroke="#ff9830"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
