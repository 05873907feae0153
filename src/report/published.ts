/** Reports of published documents, which are what callers of the library have. */

import { type ResultDocument, resultOfDocument } from "../compare/documents.js";
import { jsonText } from "../json-text.js";
import { render as renderAsMarkdown } from "./markdown.js";
import { sheetOf } from "./sheet.js";
import { render as renderAsText, type TerminalOptions } from "./terminal.js";

export function renderJson(document: ResultDocument): string {
  return jsonText(document);
}

export function renderMarkdown(document: ResultDocument, options?: Pick<TerminalOptions, "columns">): string {
  return renderAsMarkdown(sheetOf(resultOfDocument(document)), options);
}

export function renderText(document: ResultDocument, options: TerminalOptions): string {
  return renderAsText(sheetOf(resultOfDocument(document)), options);
}
