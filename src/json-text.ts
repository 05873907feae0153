/** Formats a document as every file and output of the program has it: indented by two, with a final newline. */
export function jsonText(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
