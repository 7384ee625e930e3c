/** Text in columns, as Go's `text/tabwriter` lays it out. */

/** Every cell but the last of a row is as wide as the widest of its column, with two blanks between. */
export function tabular(rows: readonly (readonly string[])[], minimumWidth: number): string {
  const widths = rows[0].map((_, column) =>
    Math.max(minimumWidth, ...rows.map((row) => row[column].length + 2)),
  );
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]))).join("")}\n`,
    )
    .join("");
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `1MiB2KiB3B`. */
export function readableBytes(bytes: number): string {
  if (bytes === 0) return "0B";
  const parts: string[] = [];
  let rest = bytes;
  for (let i = 0; rest > 0 && i < BYTE_UNITS.length; i++) {
    if (rest % 1024 !== 0) parts.unshift(`${rest % 1024}${BYTE_UNITS[i]}`);
    rest = Math.floor(rest / 1024);
  }
  return parts.join("");
}
