import { Kind, type TraceSource } from "../trace/event.js";

/** The trace has the guests' accesses themselves: what they fault on the replay finds out. */
export function hasAccesses({ report }: TraceSource): boolean {
  return [Kind.guest_access, Kind.guest_access_run].some((kind) => (report.byKind[kind] ?? 0) > 0);
}

/** The trace says what guests do, and no host is known to have run it. */
export function isDescribed(source: TraceSource): boolean {
  return hasAccesses(source) && source.report.byKind[Kind.kvm_guest_fault] === 0;
}
