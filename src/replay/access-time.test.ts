/** When an access was made follows from times alone: how long the thread was away, and how long it usually is. */
import { describe, expect, it } from "vitest";
import { Activity, ActivityKind } from "../activity/activity.js";
import { AccessTimes } from "./access-time.js";

const EXIT_NS = 2500;

/** A fault of `thread`, `thinkNs` after its last one, of which it had the CPU for `thinkCpuNs` as far as is known. */
function fault(thread: number, thinkNs: number, thinkCpuNs = thinkNs): Activity {
  const activity = new Activity();
  activity.kind = ActivityKind.fault;
  return Object.assign(activity, { thread, thinkNs, thinkCpuNs, followsFault: true, leadNs: 0 });
}

function leadOf(times: AccessTimes, activity: Activity): number {
  times.estimate(activity);
  return activity.leadNs;
}

describe("the time of an access on a shared CPU", () => {
  it("is right before the exit path where nobody came in between", () => {
    expect(leadOf(new AccessTimes(EXIT_NS), fault(0, 9000))).toBe(0);
  });

  it("is right after the re-entry of a vCPU that goes from page to page", () => {
    const times = new AccessTimes(EXIT_NS);
    for (let n = 0; n < 3; n++) times.estimate(fault(0, 2600));
    // 10 us, of which 7.4 were others': the exit path was interrupted, after 100 ns of work in the guest.
    expect(leadOf(times, fault(0, 10_000, 2600))).toBe(10_000 - EXIT_NS - 100);
  });

  it("is right before the exit path of one that works in the guest", () => {
    const times = new AccessTimes(EXIT_NS);
    for (let n = 0; n < 3; n++) times.estimate(fault(0, 10_400));
    expect(leadOf(times, fault(0, 200_000, 4000))).toBe(0);
  });

  it("follows from the thread's own earlier faults in this epoch", () => {
    const times = new AccessTimes(EXIT_NS);
    times.estimate(fault(0, 2600));
    expect(leadOf(times, fault(1, 10_000, 2600))).toBe(0);
    times.passBarrier();
    expect(leadOf(times, fault(0, 10_000, 2600))).toBe(0);
  });

  it("is not guessed for a thread that was elsewhere before: in its VMM, or asleep", () => {
    const times = new AccessTimes(EXIT_NS);
    times.estimate(fault(0, 2600));
    expect(leadOf(times, Object.assign(fault(0, 10_000, 2600), { followsFault: false }))).toBe(0);
  });
});
