/** A result as the JSON that `s2replay schema` describes. */

import type { AnyResult } from "./rows.js";

export function render(result: AnyResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}
