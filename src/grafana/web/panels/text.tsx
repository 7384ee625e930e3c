/** The panel `text`: Markdown, drawn as elements, so that nothing in a dashboard can become code of the page. */

import type { ComponentChildren } from "preact";
import { css } from "../css.ts";
import { option, type PanelProps } from "./panel-props.ts";

export function TextPanel({ panel, height, fill }: PanelProps) {
  const content = fill(String(panel.options["content"] ?? (panel as { content?: unknown }).content ?? ""));
  const isCode = option(panel, "mode", "markdown") === "code";
  return (
    <div class="text-panel" style={css({ height })}>
      {isCode ? <pre>{content}</pre> : <Markdown text={content} />}
    </div>
  );
}

/** Headings, lists, tables, code, quotes, emphasis and links. HTML is shown without its tags. */
export function Markdown({ text }: { text: string }) {
  const blocks: ComponentChildren[] = [];
  const lines = text
    .replace(/<br\s*\/?>/g, "\n")
    .replace(/<[^>\n]*>/g, "")
    .split("\n");
  for (let i = 0; i < lines.length; ) {
    const line = lines[i];
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (/^```/.test(line)) {
      const end = lines.findIndex((other, j) => j > i && /^```/.test(other));
      const stop = end === -1 ? lines.length : end;
      blocks.push(<pre key={i}>{lines.slice(i + 1, stop).join("\n")}</pre>);
      i = stop + 1;
    } else if (heading !== null) {
      const Tag = `h${heading[1].length}` as "h1";
      blocks.push(<Tag key={i}>{inline(heading[2])}</Tag>);
      i++;
    } else if (/^\s*([-*+]|\d+\.)\s/.test(line)) {
      const from = i;
      while (i < lines.length && /^\s*([-*+]|\d+\.)\s/.test(lines[i])) i++;
      const items = lines
        .slice(from, i)
        .map((item, j) => <li key={j}>{inline(item.replace(/^\s*([-*+]|\d+\.)\s/, ""))}</li>);
      blocks.push(/^\s*\d/.test(line) ? <ol key={from}>{items}</ol> : <ul key={from}>{items}</ul>);
    } else if (/^\s*\|.*\|\s*$/.test(line)) {
      const from = i;
      while (i < lines.length && /^\s*\|.*\|\s*$/.test(lines[i])) i++;
      blocks.push(<MarkdownTable key={from} lines={lines.slice(from, i)} />);
    } else if (line.trim() === "") i++;
    else {
      const from = i;
      while (i < lines.length && lines[i].trim() !== "" && !/^(#{1,6}\s|```|\s*[-*+]\s)/.test(lines[i])) i++;
      blocks.push(<p key={from}>{inline(lines.slice(from, Math.max(i, from + 1)).join(" "))}</p>);
      i = Math.max(i, from + 1);
    }
  }
  return <div class="markdown">{blocks}</div>;
}

function MarkdownTable({ lines }: { lines: string[] }) {
  const cells = (line: string) =>
    line
      .trim()
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
  const [head, ...rest] = lines;
  const body = rest.filter((line) => !/^[\s|:-]+$/.test(line));
  return (
    <table>
      <thead>
        <tr>
          {cells(head).map((cell, i) => (
            <th key={i}>{inline(cell)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {body.map((line, i) => (
          <tr key={i}>
            {cells(line).map((cell, j) => (
              <td key={j}>{inline(cell)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^)\s]+)[^)]*\)/g;

function inline(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(at, match.index));
    const [whole, code, strong, emphasis, label, url] = match;
    if (code !== undefined) parts.push(<code>{code}</code>);
    else if (strong !== undefined) parts.push(<b>{strong}</b>);
    else if (emphasis !== undefined) parts.push(<i>{emphasis}</i>);
    else parts.push(<a href={safeUrl(url)}>{label}</a>);
    at = match.index + whole.length;
  }
  parts.push(text.slice(at));
  return parts;
}

/** Links lead to pages, and run nothing. */
export function safeUrl(url: string): string {
  return /^(https?:|mailto:|\/|#|\?)/i.test(url) ? url : "#";
}
