import { causes } from "../replay/counters.js";
import type { Episode } from "../replay/episode.js";

const classNames = ["translation", "accessFlag", "permission"];

/** A replayed fault or operation as a plain object. Times: whole ns since the trace's first event. */
export function eventOf(episode: Episode): Readonly<Record<string, unknown>> {
  const { isFault, startNs, thread, vm, line, ipa, faultClass, faultLevel, cause, endNs } = episode;
  return {
    ts_ns: Math.round(startNs),
    event: isFault ? "fault" : "operation",
    thread,
    vm,
    line,
    ipa: `0x${ipa.toString(16)}`,
    ...(isFault
      ? {
          class: classNames[faultClass] ?? "other",
          level: faultLevel,
          cause: causes[cause],
          wait_ns: Math.round(episode.lockWaitNs),
        }
      : {}),
    end_ns: Math.round(endNs),
  };
}
