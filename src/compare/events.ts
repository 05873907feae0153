import { type Activity, ActivityKind } from "../activity/activity.js";
import { causes } from "../replay/counters.js";
import type { ReplayThread } from "../replay/replay-thread.js";
import type { Observer } from "../replay/run-config.js";

const classNames = ["translation", "accessFlag", "permission"];

/** Turns what a replay reports into plain objects, one for each fault and host operation, in order of their ends. */
export function eventWriter(
  strategy: string,
  write: (event: Readonly<Record<string, unknown>>) => void,
): Observer {
  return {
    ended: (by: string, thread: ReplayThread, activity: Activity, endNs: number) => {
      if (by !== strategy || !thread.counted) return;
      const isFault = activity.kind === ActivityKind.fault;
      write({
        ts_ns: Math.round(isFault ? thread.accessNs : thread.requestNs),
        event: isFault ? "fault" : "operation",
        thread: thread.index,
        vm: activity.vm,
        line: activity.line,
        ipa: `0x${(isFault ? activity.ipa : activity.operation(0).ipa).toString(16)}`,
        ...(isFault
          ? {
              class: classNames[thread.faultClass] ?? "other",
              level: thread.faultLevel,
              cause: causes[thread.cause],
              wait_ns: Math.round(thread.lockWaitNs),
            }
          : {}),
        end_ns: Math.round(endNs),
      });
    },
  };
}
