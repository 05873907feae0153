/** An epoch that nothing names is called by its number. */
export function epochName(label: string, index: number): string {
  return label === "" ? `#${index + 1}` : label;
}
