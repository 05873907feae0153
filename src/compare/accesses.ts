import { Kind, type TraceSource } from "../trace/event.js";

/** The trace has the guests' accesses themselves: what they fault on the replay finds out. */
export function hasAccesses({ report }: TraceSource): boolean {
  return [Kind.guest_access, Kind.guest_access_run].some((kind) => (report.byKind[kind] ?? 0) > 0);
}
