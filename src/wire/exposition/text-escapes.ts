/** What backslashes mean in the text formats. */

/** `\\`, `\"` and `\n` in label values; any other backslash stays as it is. */
export function unescapeLabel(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\"n])/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
}

/** In help, OpenMetrics escapes quotes too. */
export function unescapeHelp(text: string, quotes: boolean): string {
  if (!text.includes("\\")) return text;
  return text.replace(quotes ? /\\([\\"n])/g : /\\([\\n])/g, (_, escaped) =>
    escaped === "n" ? "\n" : escaped,
  );
}
