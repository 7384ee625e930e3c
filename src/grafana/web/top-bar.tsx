/** The bar above every page. */
import type { ComponentChildren } from "preact";
import { useLocation } from "./router.ts";

const PAGES = [
  ["/", "Dashboards"],
  ["/traces", "Traces"],
  ["/logs", "Logs"],
] as const;

/** @param children what the page has to say and to set */
export function TopBar({ children }: { children?: ComponentChildren }) {
  const { path } = useLocation();
  const section = path.startsWith("/trace") ? "/traces" : path.startsWith("/logs") ? "/logs" : "/";
  return (
    <header class="top">
      <a href="/" class="home" title="Percolate Topology">
        <Logo />
      </a>
      <nav class="pages">
        {PAGES.map(([url, title]) => (
          <a key={url} href={url} class={url === section ? "current" : ""}>
            {title}
          </a>
        ))}
      </nav>
      {children}
    </header>
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
