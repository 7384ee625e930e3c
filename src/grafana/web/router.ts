/** The address bar as state. */
import { useEffect, useState } from "preact/hooks";

export interface Location {
  path: string;
  query: URLSearchParams;
}

const CHANGED = "topology:location";

function current(): Location {
  return { path: window.location.pathname, query: new URLSearchParams(window.location.search) };
}

export function useLocation(): Location {
  const [location, setLocation] = useState(current);
  useEffect(() => {
    const update = () => setLocation(current());
    window.addEventListener("popstate", update);
    window.addEventListener(CHANGED, update);
    return () => {
      window.removeEventListener("popstate", update);
      window.removeEventListener(CHANGED, update);
    };
  }, []);
  return location;
}

export function navigate(url: string, replace = false): void {
  if (replace) window.history.replaceState(null, "", url);
  else window.history.pushState(null, "", url);
  window.dispatchEvent(new Event(CHANGED));
}

/** Changes parts of the query: an empty list removes a name. */
export function setQuery(changes: Record<string, readonly string[]>, replace = false): void {
  const { path, query } = current();
  for (const [name, values] of Object.entries(changes)) {
    query.delete(name);
    for (const value of values) query.append(name, value);
  }
  const text = query.toString();
  navigate(text === "" ? path : `${path}?${text}`, replace);
}

/** A click on a link within the application, unless the user wants it elsewhere. */
export function followLink(event: MouseEvent): void {
  const anchor = (event.target as Element | null)?.closest("a");
  const url = anchor?.getAttribute("href");
  const isPlain =
    event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.defaultPrevented;
  if (!anchor || !url?.startsWith("/") || url.startsWith("/logout") || anchor.target === "_blank" || !isPlain)
    return;
  event.preventDefault();
  navigate(url);
}
