/** Width of text that may be mailed. */
const WIDTH = 100;

/** Fills text to the width; the first line begins with the label, the others are indented by as much. */
export function fillText(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label;
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH && line.trim() !== "") {
      lines.push(line);
      line = " ".repeat(label.length);
    }
    line += line.length === label.length ? word : ` ${word}`;
  }
  return [...lines, line];
}
