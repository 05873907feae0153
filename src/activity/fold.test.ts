import { describe, expect, it } from "vitest";
import { Interner } from "../trace/string-table.js";
import { ActivityFold, type FoldOptions } from "./fold.js";
import { batchOf, fold, MIB2 } from "./notation.test.data.js";

const items = (notation: string) => fold(notation).items.filter((item) => item !== "-- end at 0");
/** Without the barrier that ends every trace. */
const activitiesOf = (notation: string) => fold(notation).items.slice(0, -1);

describe("a fault episode", () => {
  it("goes from s2_abort to s2_abort_ret, with the map in between", () => {
    expect(
      activitiesOf("10 A abort; 12 A fault 0x1000 t3; 20 A map P 0x1000 4k; 40 A map= 0; 50 A abort= 1"),
    ).toEqual(["fault A@P 0x1000 10..50 map=0"]);
  });

  it("goes from kvm_guest_fault where s2_abort is not traced", () => {
    expect(activitiesOf("12 A fault 0x1000 t3; 20 A map P 0x1000 4k; 40 A map= 0; 50 A abort= 1")).toEqual([
      "fault A@P 0x1000 12..50 map=0",
    ]);
  });

  it("ends at kvm_entry where s2_abort_ret is not traced, and kvm_exit is no part of it", () => {
    expect(
      activitiesOf(
        "5 A exit; 12 A fault 0x1000 t3; 20 A map P 0x1000 4k; 40 A map= 0; 55 A entry; 70 A exit; 75 A entry",
      ),
    ).toEqual(["fault A@P 0x1000 12..55 map=0"]);
  });

  it("ends at s2_abort_ret where both are there, and the entry after it opens nothing", () => {
    const { items, fold: folding } = fold(
      "10 A abort; 12 A fault 0x1000 t3; 20 A map P 0x1000 4k; 40 A map= 0; 50 A abort= 1; 55 A entry",
    );
    expect(items.slice(0, -1)).toEqual(["fault A@P 0x1000 10..50 map=0"]);
    expect(folding.incompleteEpisodes).toBe(0);
  });

  it("ends at its last operation where neither is traced: the next fault shows that it is over", () => {
    const folded = fold(
      `10 A fault 0x1000 t3; 20 A map P 0x1000 4k; 40 A map= 0
       100 A fault 0x2000 t3; 110 A map P 0x2000 4k; 130 A map= 0`,
    );
    expect(folded.items[0]).toBe("fault A@P 0x1000 10..40 map=0");
    expect(folded.activities[1]?.thinkNs).toBe(60);
  });

  it("holds nested probes: a flush inside the map does not end it", () => {
    const { activities } = fold(
      `10 A abort; 11 A fault 0x1000 t3; 20 A map P 0 2m; 23 A break; 25 A tlbi; 30 A flushed; 31 A flushed
       90 A install; 95 A map= 0; 99 A abort= 1`,
    );
    const operation = activities[0]?.operation(0);
    expect(operation).toMatchObject({ startNs: 20, endNs: 95, cpuNs: 75, bytes: MIB2, ret: 0 });
    expect(operation).toMatchObject({ toBreakNs: 3, toFlushedNs: 10, toInstallNs: 70, windowNs: 67 });
    expect(activities[0]).toMatchObject({ beforeCpuNs: 10, afterCpuNs: 4 });
  });

  it("holds all its operations: a page is mapped, then its permission relaxed", () => {
    expect(
      activitiesOf(
        "10 A abort; 11 A fault 0x1000 p3w; 20 A map P 0x1000 4k; 30 A map= -11; 40 A relax P 0x1000; 45 A relax= 0; 50 A abort= 1",
      ),
    ).toEqual(["fault A@P 0x1000 10..50 map=-11 relaxPerms=0"]);
  });

  it("marks the thread as a vCPU; a host operation does not", () => {
    const { fold: folding } = fold("10 A fault 0x1000 t3; 20 A abort= 1; 30 H unmap P 0 2m; 40 H unmap= 0");
    expect(folding.threads.map(({ isVcpu }) => isVcpu)).toEqual([true, false]);
    expect(folding.vcpus).toBe(1);
  });
});

describe("threads and VMs", () => {
  it("are told apart, however their events interleave", () => {
    expect(
      activitiesOf(
        `10 A abort; 11 B abort; 12 A fault 0x1000 t3; 13 B fault 0x1000 t3; 14 C abort; 15 C fault 0x9000 t3
         20 A map P 0x1000 4k; 21 C map Q 0x9000 4k; 30 C map= 0; 31 C abort= 1; 40 A map= 0
         45 B map P 0x1000 4k; 46 A abort= 1; 50 B map= -11; 51 B abort= 1; 2000060 A entry`,
      ),
    ).toEqual([
      "fault C@Q 0x9000 14..31 map=0",
      "fault A@P 0x1000 10..46 map=0",
      "fault B@P 0x1000 11..51 map=-11",
    ]);
  });

  it("contend only inside one VM", () => {
    const { activities } = fold(
      `1 A fault 0x1000 t3; 2 A map P 0x1000 4k; 3 A map= 0; 4 A abort= 1
       5 B fault 0x2000 t3; 6 B map P 0x2000 4k; 7 B map= 0; 8 B abort= 1
       9 C fault 0x1000 t3; 10 C map Q 0x1000 4k; 11 C map= 0; 12 C abort= 1
       20 A fault 0x3000 t3; 21 C fault 0x4000 t3; 22 A map P 0x3000 4k; 23 C map Q 0x4000 4k; 24 A map= 0; 25 C map= 0; 26 A abort= 1; 27 C abort= 1
       30 A fault 0x5000 t3; 31 B fault 0x6000 t3; 32 A map P 0x5000 4k; 34 A map= 0; 35 B map P 0x6000 4k; 36 A abort= 1; 37 B map= 0; 38 B abort= 1`,
    );
    const contended = activities.map(({ ipa, contended: is }) => `${ipa.toString(16)} ${is}`);
    expect(contended.slice(3)).toEqual(["3000 false", "4000 false", "5000 true", "6000 true"]);
  });

  it("carry the deferred tear-downs of their VM", () => {
    const { activities } = fold(
      `1 A fault 0x1000 t3; 2 A map P 0x1000 4k; 3 A map= 0; 4 A abort= 1
       5 B fault 0x1000 t3; 6 B map Q 0x1000 4k; 7 B map= 0; 8 B abort= 1
       10 A teardown; 40 A teardown=; 50 A teardown; 60 A teardown=
       70 B fault 0x2000 t3; 71 B map Q 0x2000 4k; 72 B map= 0; 73 B abort= 1
       80 A fault 0x2000 t3; 81 A map P 0x2000 4k; 82 A map= 0; 83 A abort= 1`,
    );
    expect(activities.map(({ teardownNs }) => [...teardownNs])).toEqual([[], [], [], [30, 10]]);
  });

  it("a pointer used again after s2_destroy is another VM", () => {
    const { items: all, fold: folding } = fold(
      `10 H destroy P; 20 H destroy= 0
       30 A fault 0x1000 t3; 40 A map P 0x1000 4k; 50 A map= 0; 60 A abort= 1
       70 H destroy P; 80 H destroy= 0; 90 B fault 0x1000 t3; 100 B map P 0x1000 4k; 110 B map= 0; 120 B abort= 1`,
    );
    expect(folding.vmNames).toEqual(["P", "P", "P"]);
    expect(folding.vmsWithFaults).toBe(2);
    expect(all.filter((item) => item.startsWith("fault"))).toHaveLength(2);
  });

  it("a destroyed VM's thread is not taken for the next one's by its name alone", () => {
    const { activities } = fold(
      `10 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A abort= 1; 50 H destroy P; 60 H destroy= 0
       70 B fault 0x1000 t3; 80 B map P 0x1000 4k; 90 B map= 0; 95 B abort= 1`,
    );
    const [first, , second] = activities;
    expect(first?.vm).not.toBe(second?.vm);
  });
});

describe("MMIO", () => {
  const slot = "1 H memslot 1 on 0x1000 4k; 2 H unmap P 0x1000 4k; 3 H unmap= 0; 4 H memslot=; ";
  const known = `${slot} 5 A fault 0x1000 t3; 6 A map P 0x1000 4k; 7 A map= 0; 8 A abort= 1; `;
  const kinds = (notation: string) =>
    activitiesOf(notation).filter((item) => !item.startsWith("host") && !item.startsWith("--"));

  it("is an abort without a map that the handler answers with 0, where no slot is known", () => {
    const before = "1 A fault 0x1000 t3; 2 A map P 0x1000 4k; 3 A map= 0; 4 A abort= 1; ";
    expect(kinds(`${before} 10 A abort; 11 A fault 0x9000 t1w; 20 A abort= 0`)[1]).toBe(
      "mmio A@P 0x9000 10..20",
    );
  });

  it("is an abort that the kernel handled, without a map, where no slot is known: a device that KVM emulates", () => {
    const before = "1 A fault 0x1000 t3; 2 A map P 0x1000 4k; 3 A map= 0; 4 A abort= 1; ";
    const device = "10 A abort; 11 A fault 0x9000 t1w; 20 A abort= 1; ";
    expect(kinds(before + device)[1]).toBe("mmio A@P 0x9000 10..20");
    // It is tried again, and mapped: memory, whose map had to wait.
    expect(
      kinds(`${before}${device}30 A fault 0x9000 t1w; 32 A map P 0x9000 4k; 33 A map= 0; 34 A abort= 1`)[1],
    ).toBe("fault A@P 0x9000 10..20");
    // Read again and again, and never mapped: each is MMIO.
    expect(kinds(before + device + device.replaceAll(/\b(?=[12]\d )/g, "1"))).toHaveLength(3);
    // Maps are not traced: nothing can be said.
    expect(kinds(device)[0]).toBe("fault A@? 0x9000 10..20");
    // A permission abort met a leaf.
    expect(kinds(`${before} 10 A abort; 11 A fault 0x9000 p3w; 20 A abort= 1`)[1]).toBe(
      "fault A@P 0x9000 10..20",
    );
    // What is missing may be the map.
    expect(kinds(`${before} 10 A abort; 11 A fault 0x9000 t1w; 12 B lost A; 20 A abort= 1`)[1]).toBe(
      "fault A@P 0x9000 10..20 incomplete",
    );
  });

  it("is what goes back to the VMM for it", () => {
    const before = "1 A fault 0x1000 t3; 2 A map P 0x1000 4k; 3 A map= 0; 4 A entry; ";
    const left = (reason: string) => `10 A fault 0x9000 p3w; 12 A user ${reason}; 20 A entry`;
    expect(kinds(before + left("KVM_EXIT_MMIO"))[1]).toBe("mmio A@P 0x9000 10..20");
    expect(kinds(before + left("restart"))[1]).toBe("fault A@P 0x9000 10..20");
  });

  it("is not decided by slots if memory was mapped outside them: the trace does not show all", () => {
    const more = "9 A fault 0x80000 t3; 10 A map P 0x80000 4k; 11 A map= 0; 12 A abort= 1; ";
    const again =
      "20 A abort; 21 A fault 0x81000 t3; 22 A abort= 1; 23 A fault 0x81000 t3; 24 A map P 0x81000 4k";
    expect(kinds(known + more + again)[2]).toBe("fault A@P 0x81000 20..22");
  });

  it("is counted by what showed it, for each VM", () => {
    const { fold: folding } = fold(
      `${known} 11 A abort; 12 A fault 0x9000 t1w; 20 A abort= 0
       30 B fault 0x1000 t3; 31 B map Q 0x1000 4k; 32 B map= 0; 33 B abort= 1; 40 B fault 0x9000 t1w; 41 B abort= 0
       50 B fault 0xa000 t1w; 51 B abort= 1; 60 B fault 0xb000 t1w; 61 B user KVM_EXIT_MMIO; 62 B entry`,
    );
    expect(folding.vms.map(({ faults, mmioAborts }) => [faults, ...mmioAborts])).toEqual([
      [1, 0, 1, 0, 0, 0],
      [1, 0, 0, 1, 1, 1],
    ]);
    expect([...folding.mmioAborts]).toEqual([0, 1, 1, 1, 1]);
  });

  it("is an abort outside every known slot, where the handler's answer is not traced", () => {
    expect(kinds(`${known} 11 A fault 0x9000 t1w; 20 A entry`)[1]).toBe("mmio A@P 0x9000 11..20");
  });

  it("is not an abort on memory that found nothing to map", () => {
    expect(kinds(`${known} 11 A fault 0x1000 t3; 20 A entry`)[1]).toBe("fault A@P 0x1000 11..20");
    expect(kinds(`${known} 10 A abort; 11 A fault 0x1000 t3; 20 A abort= 1`)[1]).toBe(
      "fault A@P 0x1000 10..20",
    );
  });
});

describe("laps of one access", () => {
  const lap = (at: number, ipa: string, ret: number, code = "t2") =>
    `${at} A abort; ${at + 1} A fault ${ipa} ${code}; ${at + 2} A map P ${ipa} 4k; ${at + 4} A map= ${ret}; ${at + 5} A abort= 1; `;

  it("answered with -EAGAIN are one activity, whose operation is the last one's", () => {
    expect(activitiesOf(lap(10, "0x1000", -11) + lap(20, "0x1000", -11) + lap(30, "0x1000", 0))).toEqual([
      "fault A@P 0x1000 10..35 map=0 laps 3",
    ]);
  });

  it("count one fault each, also one that found nothing to map", () => {
    const bare = "20 A abort; 21 A fault 0x1000 t2; 25 A abort= 1; ";
    const { activities, fold: folding } = fold(lap(10, "0x1000", -11) + bare + lap(30, "0x1000", 0));
    expect(activities.map(({ laps }) => laps)).toEqual([3]);
    expect(folding.vms.map(({ faults, faultsWithoutOperation }) => [faults, faultsWithoutOperation])).toEqual(
      [[3, 1]],
    );
  });

  it("end where another page faults", () => {
    expect(activitiesOf(lap(10, "0x1000", -11) + lap(20, "0x2000", -11) + lap(30, "0x1000", 0))).toEqual([
      "fault A@P 0x1000 10..15 map=-11",
      "fault A@P 0x2000 20..25 map=-11",
      "fault A@P 0x1000 30..35 map=0",
    ]);
  });

  it("end where the abort is another one: a write after a read", () => {
    expect(activitiesOf(lap(10, "0x1000", -11) + lap(20, "0x1000", 0, "p3w"))).toHaveLength(2);
  });

  it("end where the map succeeded: the same page faulting again is a new access", () => {
    expect(activitiesOf(lap(10, "0x1000", 0) + lap(20, "0x1000", 0))).toHaveLength(2);
  });

  it("are recognised by their times, whatever other threads do in between", () => {
    const among = (text: string) =>
      Array.from({ length: 600 }, (_, n) => `${18 + n * 3000} Z exit; `).join("") + text;
    const inOrder = (text: string) =>
      text
        .split(";")
        .map((line) => line.trim())
        .filter((line) => line !== "")
        .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
        .join(";");
    // 1 ms is the limit, to where the next lap begins: it may take longer itself.
    const soon = `${lap(10, "0x1000", -11)} 900000 A abort; 900001 A fault 0x1000 t2; 900002 A map P 0x1000 4k; 1700000 A map= 0; 1700001 A abort= 1`;
    const late = lap(10, "0x1000", -11) + lap(1_100_000, "0x1000", 0);
    for (const [text, laps] of [
      [soon, [2]],
      [late, [1, 1]],
    ] as const) {
      const of = (notation: string) => fold(inOrder(notation)).activities.map((activity) => activity.laps);
      expect(of(text)).toEqual(laps);
      expect(of(among(text))).toEqual(laps);
    }
  });

  it("do not cross a barrier", () => {
    expect(activitiesOf(`${lap(10, "0x1000", -11)} 18 H mark X; ${lap(20, "0x1000", 0)}`)).toEqual([
      "fault A@P 0x1000 10..15 map=-11",
      "-- marker at 18",
      "fault A@P 0x1000 20..25 map=0",
    ]);
  });
});

describe("what is missing from a trace", () => {
  it("all but the abort: the episode ends where it began, and nothing else is known", () => {
    const { activities } = fold("10 A abort; 11 A fault 0x1000 t3; 50 A abort= 1; 60 A abort; 90 A abort");
    expect(activities.slice(1)).toMatchObject([
      { startNs: 60, endNs: 60, ipa: 0, incomplete: true },
      { startNs: 90, endNs: 90, ipa: 0, incomplete: true },
    ]);
  });

  it("a map without its return: incomplete, and the next episode is whole", () => {
    const { items: all, fold: folding } = fold(
      `10 A abort; 11 A fault 0x1000 t3; 12 A map P 0x1000 4k; 14 A map= 0; 15 A abort= 1
       20 A abort; 21 A fault 0x2000 t3; 22 A map P 0x2000 4k
       30 A abort; 31 A fault 0x3000 t3; 32 A map P 0x3000 4k; 34 A map= 0; 35 A abort= 1`,
    );
    expect(all.slice(0, -1)).toEqual([
      "fault A@P 0x1000 10..15 map=0",
      "fault A@P 0x2000 20..22 map=? incomplete",
      "fault A@P 0x3000 30..35 map=0",
    ]);
    expect(folding.incompleteEpisodes).toBe(1);
  });

  it("a return without its entry is counted", () => {
    expect(fold("10 A map= 0; 20 A abort= 1").fold.incompleteEpisodes).toBe(2);
  });

  it("events lost in mid-episode: the episodes of that CPU are incomplete, the others' are not", () => {
    const { items: all, barriers } = fold(
      `10 A abort; 11 A fault 0x1000 t3; 12 B abort; 13 B fault 0x2000 t3; 20 H lost A
       30 A map P 0x1000 4k; 31 B map P 0x2000 4k; 40 A map= 0; 41 B map= 0; 50 A abort= 1; 51 B abort= 1`,
    );
    expect(all).toEqual([
      "-- loss at 20",
      "fault A@P 0x1000 10..50 map=0 incomplete",
      "fault B@P 0x2000 12..51 map=0",
      "-- end at 51",
    ]);
    expect(barriers.map(({ tablesUnknown }) => tablesUnknown)).toEqual([true, false]);
  });

  it("the end of the trace in mid-episode: delivered, incomplete", () => {
    expect(items("10 A abort; 11 A fault 0x1000 t3; 12 A map P 0x1000 4k")[0]).toBe(
      "fault A@P 0x1000 10..12 map=? incomplete",
    );
  });

  it("s2_abort without its kvm_guest_fault has no address: incomplete", () => {
    expect(items("10 A abort; 20 A abort= 1")[0]).toMatch(/^fault A@\? .* incomplete$/);
  });
});

describe("think time", () => {
  const episode = (at: number, thread = "A") =>
    `${at} ${thread} fault 0x${at.toString(16)}000 t3; ${at + 2} ${thread} map P 0x1000 4k; ${at + 4} ${thread} map= 0; ${at + 5} ${thread} abort= 1; `;

  it("goes from the end of a thread's activity to the start of its next", () => {
    const { activities } = fold(episode(10) + episode(12, "B") + episode(40));
    const ofA = activities.filter(({ thread }) => thread === 0);
    expect(ofA.map(({ thinkNs }) => thinkNs)).toEqual([10, 25]);
  });

  it("starts anew at a barrier", () => {
    const { activities } = fold(`${episode(10)} 100 H mark X; ${episode(130)}`);
    expect(activities[1]).toMatchObject({ thinkNs: 30, thinkCpuNs: 30 });
  });

  it("starts at the barrier for a thread that had not been seen before", () => {
    const { activities } = fold(`${episode(10)} 100 H mark X; ${episode(130, "B")}`);
    expect(activities[1]).toMatchObject({ thinkNs: 30, thinkCpuNs: 30 });
  });

  it("on one shared CPU is the thread's own time: what others ran meanwhile is not in it", () => {
    const { activities } = fold(
      `10 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A abort= 1
       50 B fault 0x2000 t3; 60 B map P 0x2000 4k; 70 B map= 0; 80 B abort= 1
       95 A fault 0x3000 t3; 100 A map P 0x3000 4k; 110 A map= 0; 120 A abort= 1`,
      { sharedCpu: true },
    );
    expect(activities[2]).toMatchObject({ thinkNs: 55, thinkCpuNs: 15 });
  });
});

describe("barriers", () => {
  const causes = (notation: string, options: Partial<FoldOptions> = {}) =>
    fold(notation, options).barriers.map(
      ({ cause, atNs, label }) => `${cause} ${atNs}${label ? ` ${label}` : ""}`,
    );

  it("are marks, which name the epoch that they begin, and end marks, which close one", () => {
    const { barriers } = fold("10 H begin ONE; 20 H end ONE; 30 H mark TWO");
    expect(barriers).toMatchObject([
      { cause: "marker", atNs: 10, label: "ONE", closes: false },
      { cause: "marker", atNs: 20, label: undefined, closes: true },
      { cause: "marker", atNs: 30, label: "TWO", closes: false },
      { cause: "end", atNs: 30 },
    ]);
  });

  it("are memslot changes, of the VM of the operation inside their bracket", () => {
    const { barriers, fold: folding } = fold(
      "10 H memslot 1 log 0x0 2m; 12 H wp P 0 2m; 14 H wp= 0; 16 H memslot=; 18 H memslot 1 off 0x0 2m; 20 H memslot=",
    );
    expect(barriers).toMatchObject([
      { cause: "memslot", vm: 0, slotChange: { slot: 1, start: 0, bytes: MIB2, logging: true } },
      { cause: "write-protect" },
      { cause: "memslot", atNs: 20, vm: 0, slotChange: { logging: false } },
      { cause: "end" },
    ]);
    expect(folding.vmNames).toEqual(["P"]);
  });

  it("are not made by a memslot change that failed", () => {
    expect(causes("20 H memslot 1 log 0x0 2m; 25 H memslot= -17")).toEqual(["end 25"]);
    expect(causes("20 H memslot 1 log 0x0 2m; 25 H memslot= 0")).toEqual(["memslot 25", "end 25"]);
  });

  it("are write-protects of a whole slot, not of a part of it", () => {
    const slot = "1 H memslot 1 off 0x0 0x400000; 2 H unmap P 0 4k; 3 H unmap= 0; 4 H memslot=; ";
    expect(causes(`${slot} 10 H wp P 0 0x400000; 12 H wp= 0`)).toContain("write-protect 10");
    expect(causes(`${slot} 10 H wp P 0 0x200000; 12 H wp= 0`)).not.toContain("write-protect 10");
  });

  it("are not unmaps", () => {
    expect(causes("10 H unmap P 0 2m; 20 H unmap= 0")).toEqual(["end 20"]);
  });

  it("are silences, where they are asked for", () => {
    const events = "10 A entry; 20 A entry; 520 A entry";
    expect(causes(events, { epochGapNs: 500 })).toEqual(["silence 520", "end 520"]);
    expect(causes(events, { epochGapNs: 501 })).toEqual(["end 520"]);
  });

  it("are gaps: past one the tables are unknown, and its time counts for nobody", () => {
    const { barriers, activities } = fold(
      "10 H gap 500; 530 A fault 0x1000 t3; 540 A map P 0x1000 4k; 550 A map= 0; 560 A abort= 1",
    );
    expect(barriers[0]).toMatchObject({ cause: "gap", atNs: 500, tablesUnknown: true });
    expect(activities[0]?.thinkNs).toBe(30);
  });

  it("tell how long nothing had run before them", () => {
    const { barriers } = fold(
      "10 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A abort= 1; 100 H mark X; 150 H mark Y",
    );
    expect(barriers.map(({ idleNs }) => idleNs)).toEqual([60, 50, 0]);
  });
});

describe("the frontier", () => {
  it("is the start of what is still open: nothing that starts before it is yet to come", () => {
    const strings = new Interner();
    const starts: number[] = [];
    const folding = new ActivityFold(
      { sharedCpu: false, epochGapNs: Number.POSITIVE_INFINITY, pageBytes: 0x1000 },
      strings,
      { operation: () => {}, activity: ({ startNs }) => starts.push(startNs), barrier: () => {} },
    );
    folding.fold(batchOf("10 A abort; 20 B abort; 21 B fault 0x1000 t3; 30 B abort= 1", strings));
    expect(starts).toEqual([20]);
    expect(folding.frontierNs()).toBe(10);
    folding.fold(batchOf("40 A fault 0x1000 t3; 50 A abort= 1; 60 A entry", strings));
    expect(folding.frontierNs()).toBe(60);
  });
});
