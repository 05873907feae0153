/** A result as the JSON that `s2replay schema` describes. */

import { documentOf } from "../compare/documents.js";
import type { TraceResult } from "../compare/trace-result.js";

export function render(result: TraceResult): string {
  return `${JSON.stringify(documentOf(result), null, 2)}\n`;
}
