import { vcpuNumbers } from "../activity/vcpu-numbers.js";
import { HIT } from "../replay/guest.js";
import { hex } from "../stage2/address-text.js";
import { FaultClass, faultClass, faultLevel } from "../stage2/esr.js";
import type { TraceOptions } from "./options.js";
import type { SelfReplay } from "./result.js";
import type { ResultMismatch, SelfReplayResult } from "./result-self-replay.js";
import { replaySession } from "./session.js";
import { profileSummary, selfReplayOf, traceSummary } from "./summary.js";

/** Replays a trace under the walker that recorded it and lists the mismatches. Throws as diffTrace does. */
export async function selfReplayTrace(options: TraceOptions): Promise<SelfReplayResult> {
  const found: (Omit<ResultMismatch, "epoch" | "pid" | "vcpu"> & { thread: number })[] = [];
  const session = await replaySession(
    {
      ...options,
      observer: {
        mismatched: ({ replayedClass, replayedLevel, ...mismatch }, { line, thread, startNs, ipa, esr }) =>
          found.push({
            ...mismatch,
            line,
            thread,
            atNs: startNs,
            ipa: hex(ipa),
            recorded: { class: className(faultClass(esr)), level: faultLevel(esr) },
            replayed: { class: className(replayedClass), level: replayedLevel },
          }),
      },
    },
    [],
  );
  const { byEpoch, ...total } = selfReplayOf(session) as SelfReplay;
  const { threads } = session.replay.fold;
  const numbers = vcpuNumbers(session.replay.fold, session.source.strings);
  const epochs = session.replay.epochs.map(({ label, recordedNs, makespanNs, recordedMakespanNs }, n) => ({
    label: label === "" ? `#${n + 1}` : label,
    recordedNs,
    makespanNs: { recorded: recordedMakespanNs, replayed: makespanNs },
  }));
  const mismatches = found.map(({ thread, ...mismatch }) => {
    const { pid } = threads[thread]!;
    const epoch = epochs.findLast(({ recordedNs }) => recordedNs <= mismatch.atNs)?.label ?? "";
    return { ...mismatch, epoch, pid, vcpu: numbers.get(thread)?.number ?? null };
  });
  const byReason: SelfReplayResult["byReason"] = {};
  for (const { reason } of mismatches) byReason[reason] = (byReason[reason] ?? 0) + 1;
  const sumOf = (which: "recorded" | "replayed") =>
    epochs.reduce((sum, { makespanNs }) => sum + makespanNs[which], 0);
  return {
    schema: "s2replay-self-replay/1",
    trace: traceSummary(session),
    profile: profileSummary(session),
    ...total,
    caveats: [...session.recorderCaveats],
    makespanNs: { recorded: sumOf("recorded"), replayed: sumOf("replayed") },
    byEpoch: byEpoch.map((epoch) => ({
      ...epoch,
      makespanNs: epochs.find(({ label }) => label === epoch.label)!.makespanNs,
    })),
    byReason,
    mismatches,
  };
}

function className(faultClass: number): ResultMismatch["recorded"]["class"] {
  if (faultClass === HIT) return "hit";
  const name = Object.entries(FaultClass).find(([, value]) => value === faultClass)?.[0];
  return name === "translation" || name === "accessFlag" || name === "permission" ? name : "other";
}
