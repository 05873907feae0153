/** Width of the output of validate. */
const width = 80;
const deepest = 13;

/** `label item; item`, wrapped at the width; further lines are aligned with the first item. */
export function fill(label: string, items: readonly string[], separator = "; "): string[] {
  const indent = " ".repeat(Math.min(label.length, deepest));
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of items.join(separator).split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
