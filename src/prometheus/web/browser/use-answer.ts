/** An answer of the API that is asked for again from time to time. */
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api.ts";

/** How often a page looks again. */
const REFRESH_MS = 5_000;

export function useAnswer<T>(path: string): { data?: T; error?: string } {
  const [state, setState] = useState<{ data?: T; error?: string }>({});
  useEffect(() => {
    const look = () =>
      ask<T>(path).then(
        ({ data }) => setState({ data }),
        (error: Error) => setState((old) => ({ ...old, error: error.message })),
      );
    void look();
    const timer = window.setInterval(look, REFRESH_MS);
    return () => window.clearInterval(timer);
  }, [path]);
  return state;
}
