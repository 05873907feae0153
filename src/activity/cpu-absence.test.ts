import { describe, expect, it } from "vitest";
import { fold } from "./notation.test.data.js";

const one = (notation: string, options = {}) => fold(notation, options).activities;

describe("time off the CPU", () => {
  const episode = `
    0 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A entry
    50 A out S; 70 B wakes A; 80 A in
    100 A fault 0x2000 t3; 110 A out D; 150 B wakes A; 155 A in; 160 A out R+; 163 A in
    200 A map P 0x2000 4k; 210 A out R; 214 A in; 230 A map= 0; 240 A out S; 247 A in; 300 A entry`;

  it("is known before, within and after the operations, with sleep separate from waiting for a CPU", () => {
    const [, activity] = one(episode);
    expect(activity).toMatchObject({
      thinkNs: 60,
      thinkCpuNs: 30,
      thinkOffNs: 30,
      thinkSleptNs: 20,
      preemptedNs: 5 + 3 + 4 + 7 - 7,
      beforeOffNs: 45 + 3,
      beforeSleptNs: 40,
      beforeCpuNs: 100 - 48,
      cameNs: 163,
      afterOffNs: 7,
      afterSleptNs: 7,
      afterCpuNs: 70 - 7,
    });
    expect(activity!.operation(0)).toMatchObject({ startNs: 200, endNs: 230, cpuNs: 26 });
  });

  it("without a wake-up all of it was asleep", () => {
    expect(one(episode.replaceAll(/\d+ B wakes A;?/g, ""))[1]).toMatchObject({
      thinkSleptNs: 30,
      beforeSleptNs: 45,
    });
  });

  it("is not tracked if all threads share one CPU: the turns show it", () => {
    const without = episode.replaceAll(/\d+ (A (out \S+|in)|B wakes A)/g, "");
    const [shared, none] = [episode, without].map((text) =>
      one(text, { sharedCpu: true }).map(({ line, ...activity }) => activity),
    );
    expect(shared).toEqual(none);
  });

  it("counts for an epoch from where that began", () => {
    const text =
      "0 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A entry; 45 A out S; 60 B mark x; 70 A in; 90 A fault 0x2000 t3; 95 A map P 0x2000 4k; 99 A map= 0; 100 A entry";
    expect(one(text)[1]).toMatchObject({ thinkNs: 30, thinkSleptNs: 10, thinkCpuNs: 20 });
  });

  it("is known for each lap, and for the last one before its operation", () => {
    const text = `0 A fault 0x1000 t3; 10 A out R; 14 A in; 20 A map P 0x1000 4k; 30 A map= -11; 40 A entry
      50 A out R; 55 A in; 60 A fault 0x1000 t3; 65 A out S; 67 A in; 80 A map P 0x1000 4k; 90 A map= 0; 99 A entry`;
    expect(one(text)).toMatchObject([
      { laps: 2, lapOffNs: [9], beforeOffNs: 2, beforeSleptNs: 2, cameNs: 67 },
    ]);
  });
});

describe("a sched event", () => {
  const text = `
    0 A fault 0x1000 t3; 20 A map P 0x1000 4k; 30 A map= 0; 40 A entry
    100 A fault 0x2000 t3; 200 A map P 0x2000 4k; 230 A map= 0; 300 A entry`;

  it("starts and ends nothing, makes no thread, and breaks no silence", () => {
    const among =
      `${text}; 45 C out S; 50 A out S; 60 C wakes D; 90 A in; 120 A out R; 130 A in; 250 D in; 400 A out S`
        .split(/[;\n]/)
        .filter((line) => line.trim() !== "")
        .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
        .join(";");
    const options = { epochGapNs: 55 };
    const [with_, without] = [fold(among, options), fold(text, options)];
    expect(with_.items).toEqual(without.items);
    expect(with_.fold.threads.map(({ pid }) => pid)).toEqual(without.fold.threads.map(({ pid }) => pid));
    expect(with_.barriers).toEqual(without.barriers);
  });

  it("whose other end is lost is not counted", () => {
    const lost = text
      .replace("200 A", "110 A out S; 200 A")
      .replace("100 A", "60 A out S; 70 A gap 80; 90 A in; 100 A");
    expect(one(lost)[1]).toMatchObject({ beforeOffNs: 0, thinkSleptNs: expect.closeTo(0), beforeCpuNs: 100 });
  });
});
