/** The syntax tree of an expression, from the whole down to its selectors. */
import { useEffect, useState } from "preact/hooks";
import { ask, type SeriesData } from "./api.ts";
import { headOf, kindOf, partsOf, type SyntaxNode, seriesCountQuery } from "./expression-text.ts";

export function ExplainView({ expression }: { expression: string }) {
  const [state, setState] = useState<{ tree?: SyntaxNode; error?: string }>({});
  useEffect(() => {
    let isCurrent = true;
    const show = (next: typeof state) => {
      if (isCurrent) setState(next);
    };
    if (expression.trim() === "") setState({});
    else
      ask<SyntaxNode>("parse_query", { query: expression }).then(
        ({ data }) => show({ tree: data }),
        (error: Error) => show({ error: error.message }),
      );
    return () => {
      isCurrent = false;
    };
  }, [expression]);
  if (state.error !== undefined) return <p class="error">{state.error}</p>;
  if (state.tree === undefined) return <p class="empty">No expression.</p>;
  return (
    <ul class="tree">
      <Node node={state.tree} />
    </ul>
  );
}

function Node({ node }: { node: SyntaxNode }) {
  const parts = partsOf(node);
  return (
    <li>
      <code>{headOf(node)}</code> <span class="note">{kindOf(node)}</span>
      <SeriesCount query={seriesCountQuery(node)} />
      {parts.length > 0 && (
        <ul>
          {parts.map((part, place) => (
            // Parts have no other identity than their place.
            <Node key={`${place}${headOf(part)}`} node={part} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** How many series a part has now: nothing where it has none to count. */
function SeriesCount({ query }: { query: string | undefined }) {
  const [count, setCount] = useState<string>();
  useEffect(() => {
    let isCurrent = true;
    setCount(undefined);
    if (query === undefined) return;
    ask<SeriesData>("query", { query }).then(
      ({ data }) => {
        if (isCurrent) setCount(data.result[0]?.value?.[1] ?? "0");
      },
      // What has no series is a scalar; what is wrong with the whole the tab says above.
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [query]);
  if (count === undefined) return null;
  return <span class="note"> · {count === "1" ? "1 series" : `${count} series`}</span>;
}
