/** The label of an epoch, or its number if it has no label. */
export function epochName(label: string, index: number): string {
  return label === "" ? `#${index + 1}` : label;
}
