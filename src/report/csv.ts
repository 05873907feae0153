/** Formats a row according to RFC 4180, ending in CRLF; null is empty. */
export function csvRow(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map(quoted).join(",")}\r\n`;
}

function quoted(cell: string | number | boolean | null): string {
  const text = cell === null ? "" : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
