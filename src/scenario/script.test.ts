import { describe, expect, it } from "vitest";
import { Prot } from "../stage2/pte.js";
import { parseScripts, usages } from "./script.js";

const header = "S one fwb=0 range=0";

describe("a script", () => {
  it("is scenarios, each with its machine and its operations", () => {
    const text = [
      "# comments and empty lines say nothing",
      "S one fwb=1 range=1 ipa=48",
      "map 0x40000000 0x200000 0x1040000000 rwxd",
      "  map 4096 4096 0 r 3",
      "",
      "fill 0x0 512 0x1000 0x1000 rw\r",
      "S two",
      "dump ",
    ].join("\n");
    expect(parseScripts(text, "x")).toEqual([
      {
        name: "one",
        fwb: true,
        tlbiRange: true,
        iaBits: 48,
        operations: [
          {
            name: "map",
            text: "map 0x40000000 0x200000 0x1040000000 rwxd",
            ipa: 0x40000000,
            bytes: 0x200000,
            phys: 0x1040000000,
            prot: Prot.R | Prot.W | Prot.X | Prot.DEVICE,
            cachePages: undefined,
          },
          {
            name: "map",
            text: "  map 4096 4096 0 r 3",
            ipa: 4096,
            bytes: 4096,
            phys: 0,
            prot: Prot.R,
            cachePages: 3,
          },
          {
            name: "fill",
            text: "fill 0x0 512 0x1000 0x1000 rw",
            ipa: 0,
            pages: 512,
            stride: 4096,
            phys: 4096,
            prot: Prot.R | Prot.W,
          },
        ],
      },
      {
        name: "two",
        fwb: false,
        tlbiRange: false,
        iaBits: 40,
        operations: [{ name: "dump", text: "dump " }],
      },
    ]);
  });

  it.each(Object.values(usages))("has %s", (usage) => {
    const words = { ADDR: "0x1000", SIZE: "0x1000", PHYS: "0x0", PROT: "rw", STRIDE: "0x1000", N: "1" };
    const line = usage
      .replace(" [MC]", "")
      .replace(/\b[A-Z]+\b/g, (word) => words[word as keyof typeof words]);
    const [script] = parseScripts(`${header}\n${line}`, "x");
    expect(script!.operations).toMatchObject([{ name: usage.split(" ")[0], text: line }]);
  });

  it.each<[string, string]>([
    ["", "x.txt: no scenario: expected a line S NAME [fwb=0|1] [range=0|1] [ipa=BITS]"],
    ["# nothing\n", "x.txt: no scenario: expected a line S NAME [fwb=0|1] [range=0|1] [ipa=BITS]"],
    ["\ndump", "x.txt:2: expected a scenario's first line, S NAME [fwb=0|1] [range=0|1] [ipa=BITS]"],
    ["S", "x.txt:1: NAME is missing (S NAME [fwb=0|1] [range=0|1] [ipa=BITS])"],
    ["S a fwb=2", 'x.txt:1: fwb: expected fwb=0 or 1, got "fwb=2" (S NAME [fwb=0|1] [range=0|1] [ipa=BITS])'],
    [
      "S a ipa=60",
      'x.txt:1: ipa: expected ipa=32 to 52, got "ipa=60" (S NAME [fwb=0|1] [range=0|1] [ipa=BITS])',
    ],
    [
      "S a rnage=1",
      'x.txt:1: unknown setting "rnage" (did you mean "range"?) (S NAME [fwb=0|1] [range=0|1] [ipa=BITS])',
    ],
    [
      `${header}\nmpa 0 0x1000 0 rw`,
      'x.txt:2: no operation "mpa" (did you mean "map"?); there are map, fill, unmap, wp, flush, relax, young, ' +
        "old, isyoung, lookup, dump, destroy",
    ],
    [`${header}\nmap 0x1000`, "x.txt:2: SIZE is missing (map ADDR SIZE PHYS PROT [MC])"],
    [
      `${header}\n\nmap 40000000h 0x1000 0 rw`,
      'x.txt:3: ADDR: expected a number of at most 52 bits, such as 0x40000000, got "40000000h" ' +
        "(map ADDR SIZE PHYS PROT [MC])",
    ],
    [
      `${header}\nunmap 0x0 0x10000000000001`,
      'x.txt:2: SIZE: expected a number of at most 52 bits, such as 0x40000000, got "0x10000000000001" ' +
        "(unmap ADDR SIZE)",
    ],
    [
      `${header}\nrelax 0x0 rq`,
      'x.txt:2: PROT: expected letters of r, w, x and d (device memory), got "rq" (relax ADDR PROT)',
    ],
    [
      `${header}\nmap 0x0 0x1000 0x0 rw -1`,
      'x.txt:2: MC: expected a whole number, got "-1" (map ADDR SIZE PHYS PROT [MC])',
    ],
    [`${header}\ndestroy now`, 'x.txt:2: unexpected word "now" at the end (destroy)'],
  ])("%j: %s", (text, message) => {
    expect(() => parseScripts(text, "x.txt")).toThrow(message);
    try {
      parseScripts(text, "x.txt");
    } catch (error) {
      expect(error).toMatchObject({ name: "UsageError", message });
    }
  });
});
