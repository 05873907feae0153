import { expect, it } from "vitest";
import { Operation, OperationKind } from "../activity/activity.js";
import { seededRandom } from "../seeded-random.js";
import { countLeaves } from "../stage2/leaves.js";
import { Prot } from "../stage2/pte.js";
import { strategies } from "../strategy/index.js";
import { Guest } from "./guest.js";
import { Plan } from "./plan.js";

const page = 4096;
const block = 512 * page;

function operation(kind: OperationKind, ipa: number, bytes: number): Operation {
  return Object.assign(new Operation(), { kind, ipa, bytes, phys: ipa, prot: Prot.R | Prot.W });
}

it.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
  "law: under %s the leaves counted store by store are those of the table",
  (_, strategy) => {
    const guest = new Guest(
      { granuleBytes: page, iaBits: 40, fwb: false, hasTlbiRange: false },
      strategy,
      false,
    );
    guest.meter.countLeaves();
    const random = seededRandom(7);
    const upTo = (n: number) => Math.floor(random() * n);
    for (let n = 0; n < 400; n++) {
      const at = upTo(4) * block;
      const choices = [
        operation(OperationKind.map, at, block),
        operation(OperationKind.map, at + upTo(512) * page, page),
        operation(OperationKind.map, at + upTo(512) * page, page),
        operation(OperationKind.unmap, at + upTo(512) * page, page * (1 + upTo(3))),
        operation(OperationKind.unmap, at, block),
        operation(OperationKind.writeProtect, 0, 4 * block),
      ];
      const chosen = choices[upTo(choices.length)]!;
      guest.begin(n);
      guest.meter.begin(n, new Plan(), chosen.kind === OperationKind.map);
      guest.run(chosen);
      guest.end(false);
      expect([n, ...guest.meter.leaves!]).toEqual([n, 0, ...countLeaves(guest.stage2.table)]);
    }
    expect(guest.meter.leaves!.some((count) => count > 0)).toBe(true);
  },
);
