import { describe, expect, it } from "vitest";
import { fold, MIB2 } from "./notation.test.data.js";

/** `A@P` for each fault and MMIO abort, `A@P host` for each operation outside any: in the order of the trace. */
function whose(notation: string): string[] {
  return fold(notation)
    .items.filter((item) => !item.startsWith("--"))
    .map((item) => {
      const [kind, thread] = item.split(" ");
      return kind === "host" ? `${thread} host` : (thread as string);
    });
}

const episode = (at: number, thread: string, pgt: string, ipa = "0x1000", rest = "") =>
  `${at} ${thread} abort ${rest}; ${at + 1} ${thread} fault ${ipa} t3 ${rest}; ${at + 2} ${thread} map ${pgt} ${ipa} 4k ${rest}
   ${at + 4} ${thread} map= 0 ${rest}; ${at + 5} ${thread} abort= 1 ${rest}; `;
const destroy = (at: number, thread: string, pgt: string) =>
  `${at} ${thread} destroy ${pgt}; ${at + 2} ${thread} destroy=; `;

/** `A@P vcpu 3 faults`: all threads of a trace, in the order in which they came. */
function threadsOf(notation: string): string[] {
  const { fold: folding } = fold(notation);
  return folding.threads.map(
    ({ pid, vm, isVcpu, faults }) =>
      `${String.fromCharCode(pid - 100 + 64)}@${vm < 0 ? "?" : `${folding.vmNames[vm]}#${vm}`}${isVcpu ? ` vcpu ${faults}` : " host"}`,
  );
}

describe("a vCPU", () => {
  it("is a thread that enters the guest, though it never faults", () => {
    expect(threadsOf("10 A entry; 20 A exit; 30 B exit; 40 C unmap P 0 2m")).toEqual([
      "A@? vcpu 0",
      "B@? vcpu 0",
      "C@P#0 host",
    ]);
  });

  it("is not a thread that is only named like one", () => {
    expect(threadsOf("10 A unmap P 0 2m comm=CPU_0/KVM")).toEqual(["A@P#0 host"]);
  });

  it("has the number that its events say", () => {
    expect(fold("10 A entry vcpu=3").fold.threads[0]?.vcpu).toBe(3);
  });
});

describe("a pid", () => {
  it("that faults in another VM after s2_destroy of its own is another thread, return traced or not", () => {
    const expected = ["A@P#0 vcpu 1", "H@P#0 host", "A@Q#1 vcpu 1"];
    expect(threadsOf(episode(10, "A", "P") + destroy(20, "H", "P") + episode(30, "A", "Q"))).toEqual(
      expected,
    );
    expect(threadsOf(`${episode(10, "A", "P")} 20 H destroy P; ${episode(30, "A", "Q")}`)).toEqual(expected);
  });

  it("that faults in the next VM is another thread, though its table has the same address", () => {
    expect(threadsOf(`${episode(10, "A", "P")} 20 H destroy P; ${episode(30, "A", "P")}`)).toEqual([
      "A@P#0 vcpu 1",
      "H@P#0 host",
      "A@P#1 vcpu 1",
    ]);
  });

  it("that destroys its own VM and makes the next in one thread has a vCPU in each, and its slots are the next one's", () => {
    const { fold: folding, barriers } = fold(
      `${episode(10, "A", "P")} 20 A destroy P; 30 A memslot 0 on 0x1000 4k; 32 A memslot=; ${episode(40, "A", "Q")}`,
    );
    expect(folding.threads.map(({ vm, faults }) => [vm, faults])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(folding.vmNames).toEqual(["P", "Q"]);
    expect(barriers.find(({ slotChange }) => slotChange !== undefined)?.vm).toBe(1);
  });

  it("of a VMM that makes VM after VM is one thread, at work for each", () => {
    const vm = (at: number, pgt: string) =>
      `${at} H unmap ${pgt} 0 2m; ${at + 2} H unmap= 0; ${destroy(at + 4, "H", pgt)}`;
    const { threads } = fold(vm(10, "P") + vm(30, "Q") + vm(50, "R")).fold;
    expect(threads).toHaveLength(1);
    expect(threads[0]).toMatchObject({ isVcpu: false, pastVms: [0, 1] });
  });

  it("in another process is another thread; what it had open ends", () => {
    const { items, fold: folding } = fold(
      `${episode(10, "A", "P", "0x1000", "tgid=5")} 20 A abort tgid=5; 21 A fault 0x2000 t3 tgid=5; ${episode(30, "A", "Q", "0x1000", "tgid=6")}`,
    );
    expect(folding.threads.map(({ tgid, vm, faults }) => [tgid, vm, faults])).toEqual([
      [5, 0, 2],
      [6, 1, 1],
    ]);
    expect(items[1]).toMatch(/^fault A@P 0x2000 .*incomplete$/);
    expect(folding.frontierNs()).toBe(35);
  });

  it("whose events name another VM is another vCPU", () => {
    const notation =
      episode(10, "A", "P", "0x1000", "vm=web") +
      episode(20, "A", "P", "0x2000", "vm=web") +
      episode(30, "A", "P", "0x1000", "vm=db");
    expect(threadsOf(notation)).toEqual(["A@web#0 vcpu 2", "A@db#1 vcpu 1"]);
  });

  it("that is renamed is the same thread: prctl does that", () => {
    expect(threadsOf(episode(10, "A", "P") + episode(20, "A", "P", "0x2000", "comm=X"))).toEqual([
      "A@P#0 vcpu 2",
    ]);
  });

  it("that runs vCPUs of two living VMs in turn has one vCPU in each", () => {
    const { fold: folding, activities } = fold(
      episode(10, "A", "P") +
        episode(20, "A", "Q") +
        episode(30, "A", "P", "0x2000") +
        episode(40, "A", "Q", "0x2000"),
    );
    expect(folding.threads.map(({ vm, faults }) => [vm, faults])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    // From the end of its own VM's last episode: 15 to 30, 25 to 40; and from the epoch's start.
    expect(activities.map(({ thread, thinkNs }) => [thread, thinkNs])).toEqual([
      [0, 10],
      [1, 20],
      [0, 15],
      [1, 15],
    ]);
  });
});

describe("an operation for another VM", () => {
  it("inside a vCPU's episode is no part of it: reclaim unmaps what it finds", () => {
    const { items, fold: folding } = fold(
      `${episode(10, "A", "P")} 20 A abort; 21 A fault 0x2000 t3; 22 A unmap Q 0x1000 4k; 24 A unmap= 0; 26 A map P 0x2000 4k; 28 A map= 0; 30 A abort= 1`,
    );
    expect(items.slice(1, -1)).toEqual(["host A@Q 22..24 unmap=0", "fault A@P 0x2000 20..30 map=0"]);
    expect(folding.vcpus).toBe(1);
    expect(folding.vms.map(({ openEpisodes, faults }) => [openEpisodes, faults])).toEqual([
      [0, 2],
      [0, 0],
    ]);
  });

  it("outside any episode does not move the vCPU", () => {
    expect(
      whose(
        `${episode(10, "A", "P")} 20 A unmap Q 0x1000 4k; 24 A unmap= 0; 30 A abort; 31 A fault 0x9000 t1; 32 A abort= 0`,
      ),
    ).toEqual(["A@P", "A@Q host", "A@P"]);
  });

  it("does not tie a vCPU that has no table of its own yet", () => {
    expect(
      whose(
        "10 A abort; 11 A fault 0x2000 t3; 12 A unmap Q 0x1000 4k; 14 A unmap= 0; 16 A map P 0x2000 4k; 18 A map= 0; 20 A abort= 1",
      ),
    ).toEqual(["A@Q host", "A@P"]);
  });

  it("without its return ends where the vCPU goes on", () => {
    expect(
      whose(
        `${episode(10, "A", "P")} 20 A abort; 21 A fault 0x2000 t3; 22 A unmap Q 0x1000 4k; 26 A map P 0x2000 4k; 28 A map= 0; 30 A abort= 1`,
      ),
    ).toEqual(["A@P", "A@Q host", "A@P"]);
  });
});

describe("a memslot change", () => {
  const slot = (at: number, thread: string, rest = "") =>
    `${at} ${thread} memslot 1 on 0x0 2m ${rest}; ${at + 2} ${thread} memslot= ${rest}; `;
  const slotsOf = (notation: string) =>
    fold(notation).fold.vms.map(({ is, memory }) => (is >= 0 ? "merged" : memory.slots.length));

  it("by a thread whose next operation names a new table belongs to that table's VM, not to the one destroyed before", () => {
    const { fold: folding } = fold(
      `${destroy(10, "H", "P")} ${slot(20, "H")} 30 H unmap Q 0 4k; 31 H unmap= 0`,
    );
    expect(folding.vmNames).toEqual(["P", "Q"]);
    expect(folding.vms.map(({ memory }) => memory.slots.length)).toEqual([0, 1]);
  });

  it("before the first map of a vCPU of the same process is of that VM", () => {
    const two =
      slot(10, "H", "tgid=5") +
      slot(20, "J", "tgid=6") +
      episode(30, "B", "Q", "0x1000", "tgid=6") +
      episode(40, "A", "P", "0x1000", "tgid=5");
    const { fold: folding } = fold(two);
    expect(folding.vmNames).toEqual(["P", "Q"]);
    expect(folding.vms.map(({ memory, tgid }) => [memory.slots.length, tgid])).toEqual([
      [1, 5],
      [1, 6],
    ]);
  });

  it("is of the VM that its kvm pointer names, whatever the thread did before", () => {
    const bracket = (at: number, kvm: string, pgt: string) =>
      `${at} H memslot 1 log 0x0 2m kvm=${kvm}; ${at + 1} H wp ${pgt} 0 2m; ${at + 2} H wp= 0; ${at + 3} H memslot=; `;
    const { barriers } = fold(
      `${bracket(10, "K", "P")} ${bracket(20, "L", "Q")} 30 H memslot 1 off 0x0 2m kvm=K; 31 H memslot=`,
    );
    expect(barriers.filter(({ cause }) => cause === "memslot").map(({ vm }) => vm)).toEqual([0, 1, 0]);
  });

  it("seen before its kvm pointer was known moves to the table's VM when it is", () => {
    const { fold: folding, barriers } = fold(
      `10 H memslot 0 on 0x0 ${MIB2} kvm=K; 11 H memslot=; 12 J memslot 0 on 0x0 ${MIB2} kvm=L; 13 J memslot=
       ${episode(20, "A", "P")} 30 H memslot 1 log 0x0 ${MIB2} kvm=K; 31 H wp P 0 ${MIB2}; 32 H wp= 0; 33 H memslot=`,
    );
    expect(folding.vms.map(({ is }) => is)).toEqual([2, -1, -1]);
    expect(folding.vms[2]?.memory.slots.map(({ slot: of }) => of)).toEqual([0, 1]);
    expect(barriers.filter(({ cause }) => cause === "memslot").map(({ vm }) => vm)).toEqual([0, 1, 2, 2]);
  });

  it("before any table is of the first one that maps in its slots, if no other VM waits for a table", () => {
    expect(slotsOf(slot(10, "H") + episode(20, "A", "P"))).toEqual([1]);
    expect(slotsOf(slot(10, "H") + episode(20, "A", "P", "0x40000000"))).toEqual([1, 0]);
    expect(slotsOf(slot(10, "H") + slot(14, "J") + episode(20, "A", "P"))).toEqual([1, 1, 0]);
  });
});

describe("a thread without a table", () => {
  it("is tied by the mmu that an operation flushed, as long as that table lives", () => {
    const known = `10 A fault 0x1000 t3; 11 A map P 0x1000 4k; 12 A tlbi mmu=M; 13 A map= 0; 14 A abort= 1; `;
    expect(threadsOf(`${known} 20 H tlbi mmu=M`)[1]).toBe("H@P#0 host");
    expect(threadsOf(`${known} 20 H tlbi mmu=N`)[1]).toBe("H@? host");
    expect(threadsOf(`${known} ${destroy(15, "J", "P")} 20 H tlbi mmu=M`)[2]).toBe("H@? host");
  });

  it("is tied by its process, if that has one VM", () => {
    const mmio = "30 B abort tgid=5; 31 B fault 0x9000 t1w tgid=5; 32 B abort= 0 tgid=5";
    expect(whose(episode(10, "A", "P", "0x1000", "tgid=5") + mmio)).toEqual(["A@P", "B@P"]);
    expect(
      whose(episode(10, "A", "P", "0x1000", "tgid=5") + episode(20, "C", "Q", "0x1000", "tgid=5") + mmio),
    ).toEqual(["A@P", "C@Q", "B@?"]);
  });

  it("that was tied by its process alone moves when its map names another table, and stays one vCPU", () => {
    const both =
      episode(10, "A", "P", "0x1000", "tgid=5") +
      "20 B abort tgid=5; 21 B fault 0x9000 t1w tgid=5; 22 B abort= 0 tgid=5; ";
    expect(threadsOf(both + episode(30, "B", "Q", "0x1000", "tgid=5"))).toEqual([
      "A@P#0 vcpu 1",
      "B@Q#1 vcpu 1",
    ]);
  });
});
