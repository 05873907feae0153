/** The program as it was called. */

import { readFileSync } from "node:fs";

export function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

export function thisProgram(): { readonly version: string; readonly command: string } {
  const words = ["s2replay", ...process.argv.slice(2)];
  return { version: version(), command: words.map(quote).join(" ") };
}

/** For a POSIX shell. */
function quote(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
