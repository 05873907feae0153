/** A result as the JSON that `s2replay schema` describes. */

import { documentOf } from "../compare/documents.js";
import type { TraceResult } from "../compare/trace-result.js";
import { jsonText } from "../json-text.js";

export function render(result: TraceResult): string {
  return jsonText(documentOf(result));
}
