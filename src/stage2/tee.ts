import type { OpsObserver } from "./ops.js";

/** An observer that forwards to several, in their order. */
export function tee(...observers: readonly OpsObserver[]): OpsObserver {
  const [only] = observers;
  if (only !== undefined && observers.length === 1) return only;
  return {
    visited(order, visit) {
      for (const each of observers) each.visited(order, visit);
    },
    stored(kind, visit, oldLo, oldHi, newLo, newHi) {
      for (const each of observers) each.stored(kind, visit, oldLo, oldHi, newLo, newHi);
    },
    gotPage(page, refs) {
      for (const each of observers) each.gotPage(page, refs);
    },
    putPage(kind, page, refs) {
      for (const each of observers) each.putPage(kind, page, refs);
    },
    allocated(page) {
      for (const each of observers) each.allocated(page);
    },
    flushedVmid() {
      for (const each of observers) each.flushedVmid();
    },
    flushedIpa(ipa, level) {
      for (const each of observers) each.flushedIpa(ipa, level);
    },
    flushedIpaLocally(ipa, level) {
      for (const each of observers) each.flushedIpaLocally(ipa, level);
    },
    flushedRange(ipa, bytes) {
      for (const each of observers) each.flushedRange(ipa, bytes);
    },
    cleaned(phys, bytes) {
      for (const each of observers) each.cleaned(phys, bytes);
    },
    invalidatedIcache(phys, bytes) {
      for (const each of observers) each.invalidatedIcache(phys, bytes);
    },
    barrier() {
      for (const each of observers) each.barrier();
    },
    deferred(page, level) {
      for (const each of observers) each.deferred(page, level);
    },
    ranDeferred(page, level) {
      for (const each of observers) each.ranDeferred(page, level);
    },
  };
}
