import { Kind, type TraceSource } from "../trace/event.js";

/** Whether the trace has the guests' accesses themselves, so that the replay finds out which of them fault. */
export function hasAccesses({ report }: TraceSource): boolean {
  return [Kind.guest_access, Kind.guest_access_run].some((kind) => (report.byKind[kind] ?? 0) > 0);
}

/** Whether the trace only describes what guests do, with no sign that a host ran it. */
export function isDescribed(source: TraceSource): boolean {
  return hasAccesses(source) && source.report.byKind[Kind.kvm_guest_fault] === 0;
}
