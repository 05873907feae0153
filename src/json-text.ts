/** A document as every file and output of the program has it: indented by two, with a line's end. */
export function jsonText(document: unknown): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
