/** A table of published times of kvm_page_table_test (src/cost/published/), and the workload of each row. */

import { readFileSync } from "node:fs";
import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";
import { kvmPageTableTest } from "../workload/kvm-page-table-test.js";
import { type DescribedWorkload, describeWorkload } from "../workload/workload.js";

/** The walker that each variant of the experiment ran. */
export const walkers = { base: "v5.12-rc1", p1: "pre-patch", "p1+coalesce": "post-patch" } as const;
export type Variant = keyof typeof walkers;

/** The names that the published table has for the memory behind the slot, as options of the test. */
const memories = {
  hugetlb1g: { type: "hugetlb", granularity: "1G" },
  thp2m: { type: "thp", granularity: "2M" },
} as const;
export type Memory = keyof typeof memories;

const columns = "message_id,backing,mem_gib,vcpus,variant,stage,seconds,used";

/** The published runs of one experiment. */
export interface PublishedRow {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly messageId: string;
  readonly memory: Memory;
  readonly gib: number;
  readonly vcpus: number;
  readonly variant: Variant;
  readonly stage: string;
  readonly seconds: readonly number[];
  /** How the row was used: `fitted`, `predicted`, .. */
  readonly used: string;
}

/** The table's rows; lines that begin with # are comments. Throws UsageError. */
export function publishedRows(file: string): PublishedRow[] {
  const [head, ...rows] = readLines(file)
    .map((text, at) => ({ text: text.trimEnd(), line: at + 1 }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
  if (head?.text !== columns)
    throw new UsageError(`${file}:${head?.line ?? 1}: expected the columns ${columns}`);
  return rows.map(({ text, line }) => parseRow(text, line, file));
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    throw new UsageError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parseRow(text: string, line: number, file: string): PublishedRow {
  const fail = (column: string, expected: string, got: string): never => {
    throw new UsageError(`${file}:${line}: ${column}: expected ${expected}, got ${JSON.stringify(got)}`);
  };
  const cells = text.split(",");
  if (cells.length !== 8) fail("row", "8 columns", text);
  const [messageId, memory, gib, vcpus, variant, stage, seconds, used] = cells as [
    ...[string, string, string, string, string, string, string, string],
  ];
  const oneOf = <T extends string>(column: string, names: readonly T[], got: string): T =>
    names.find((name) => name === got) ?? fail(column, `${names.join(", ")}${didYouMean(got, names)}`, got);
  const count = (column: string, got: string) =>
    /^[1-9]\d{0,5}$/.test(got) ? Number(got) : fail(column, "a whole number from 1 up", got);
  const time = (got: string) =>
    /^\d+(\.\d+)?$/.test(got) && Number(got) > 0 ? Number(got) : fail("seconds", "seconds, above 0", got);
  return {
    line,
    messageId,
    memory: oneOf("backing", Object.keys(memories) as Memory[], memory),
    gib: count("mem_gib", gib),
    vcpus: count("vcpus", vcpus),
    variant: oneOf("variant", Object.keys(walkers) as Variant[], variant),
    stage: oneOf("stage", ["ADJUST", "REBUILD"], stage),
    seconds: seconds.split(" ").map(time),
    used,
  };
}

/** Mean of the published runs, s. */
export function meanSeconds({ seconds }: PublishedRow): number {
  return seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
}

/** The test with the options that it was run with for the table. */
export function publishedWorkload(memory: Memory, gib: number, vcpus: number): DescribedWorkload {
  const given = { ...memories[memory], mode: 4, size: `${gib}G`, vcpus, fwb: false };
  return describeWorkload(kvmPageTableTest, given);
}
