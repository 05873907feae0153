import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { diffTrace } from "../../compare/diff.js";
import { resultOfDocument } from "../../compare/documents.js";
import type { DiffResult } from "../../compare/result.js";
import type { Watcher } from "../../compare/watcher.js";
import { causes, costs } from "../../replay/counters.js";
import type { WatchReport } from "../watch-report.js";
import { episodeColumns, episodeSchema } from "./columns.js";
import { episodeReport } from "./report.js";

// A whole recording, in five formats: more rows than a Parquet row group has.
vi.setConfig({ testTimeout: 60_000 });

const endings = ["ndjson", "ndjson.gz", "csv", "csv.gz", "parquet"] as const;

let folder: string;
let duck: DuckDBConnection;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-episodes-"));
  duck = await (await DuckDBInstance.create()).connect();
});
afterAll(() => {
  duck.closeSync();
  rmSync(folder, { recursive: true });
});

/** Writes the episodes of a diff in every format, as NAME.FORMAT. */
async function writeAll(name: string, input: string): Promise<DiffResult> {
  const reports: WatchReport[] = [];
  const observer: Watcher = {
    begins: (start) => {
      for (const ending of endings) {
        const file = join(folder, `${name}.${ending}`);
        reports.push(episodeReport(start, (piece) => appendFileSync(file, piece), file));
      }
    },
    ended: (episode, activity) => {
      for (const report of reports) report.ended?.(episode, activity);
    },
  };
  const sides = { base: "pre-patch", candidate: "post-patch" };
  const result = await diffTrace({ input, ...sides, lenient: false, observer });
  for (const report of reports) await report.finish(resultOfDocument(result));
  return result;
}

/** DuckDB's view of a file, with the columns' own types. */
function tableOf(name: string, ending: (typeof endings)[number]): string {
  const file = `'${join(folder, `${name}.${ending}`)}'`;
  if (ending === "parquet") return `read_parquet(${file})`;
  const sqlType = { text: "VARCHAR", int32: "INTEGER", int64: "BIGINT", hex32: "VARCHAR", hex64: "VARCHAR" };
  const columns = episodeColumns.map(({ name, type }) => `'${name}': '${sqlType[type]}'`).join(", ");
  return ending.startsWith("csv")
    ? `read_csv(${file}, columns = {${columns}}, header = true, quote = '"', escape = '"')`
    : `read_json(${file}, columns = {${columns}}, format = 'newline_delimited')`;
}

async function rowsOf(sql: string): Promise<Record<string, unknown>[]> {
  return (await duck.runAndReadAll(sql)).getRowObjectsJS();
}

/** Every cell as text, addresses as Parquet has them. */
const asText = (ending: (typeof endings)[number]) =>
  episodeColumns
    .map(({ name, type }) =>
      ending === "parquet" && type.startsWith("hex") ? `printf('0x%x', ${name})` : `${name}::VARCHAR`,
    )
    .join(", ");

it("law: what DuckDB reads of each format adds up to the result, and is the same in all", async () => {
  const result = await writeAll("real", "traces/6.1.192-h2m-4v.ndjson.gz");
  const told: unknown[] = [];
  for (const ending of endings) {
    await duck.run(`CREATE TEMP TABLE episodes AS FROM ${tableOf("real", ending)}`);
    for (const [side, of] of [result.base, result.candidate].entries()) {
      const costNames = costs.map((cost) => cost.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`));
      const [sums] = await rowsOf(`
        SELECT any_value(strategy) AS strategy, sum(laps)::DOUBLE AS faults, sum(stall_ns)::DOUBLE AS stall,
          sum(end_ns - start_ns)::DOUBLE AS length, max(stall_ns)::DOUBLE AS longest,
          ${causes.map((cause) => `count(*) FILTER (cause = '${cause}')::DOUBLE AS ${cause}`).join(", ")},
          ${costNames.map((name, i) => `sum(${name}_ns)::DOUBLE AS ${costs[i]}`).join(", ")},
          max(abs(stall_ns - (${costNames.map((name) => `${name}_ns`).join(" + ")})))::DOUBLE AS apart
        FROM episodes WHERE side = ${side} AND kind = 'fault'`);
      expect(sums).toMatchObject({
        strategy: of.strategy,
        faults: of.faults.total,
        stall: of.stallNs.total,
        length: of.stallNs.total,
        longest: of.stallNs.max,
        ...of.faults.byCause,
      });
      for (const cost of costs)
        expect(Math.abs((sums![cost] as number) - of.costNs[cost])).toBeLessThanOrEqual(1);
      expect(sums!.apart).toBeLessThan(costs.length);
      const [windows] = await rowsOf(`
        SELECT count(*)::DOUBLE AS count, sum(installed_ns - broken_ns)::DOUBLE AS "totalNs",
          max(installed_ns - broken_ns)::DOUBLE AS "maxNs"
        FROM episodes WHERE side = ${side} AND windows > 0`);
      const { count, totalNs, maxNs } = of.windows;
      expect(windows).toEqual({ count, totalNs, maxNs });
    }
    const unsorted = `SELECT end_ns < lag(end_ns) OVER (PARTITION BY side ORDER BY rowid) AS falls FROM episodes`;
    expect(await rowsOf(`FROM (${unsorted}) WHERE falls`)).toEqual([]);
    const [rows] = await rowsOf(
      `SELECT count(*) AS count, sum(hash(${asText(ending)})) AS hash FROM episodes`,
    );
    await duck.run("DROP TABLE episodes");
    told.push(rows);
  }
  expect(new Set(told.map((rows) => JSON.stringify(rows, (_, value) => String(value)))).size).toBe(1);
});

it("names that would break a format come back as they are, and the same input gives the same bytes", async () => {
  const comm = `"a",b;\t<i>é😀`;
  const trace = readFileSync("fixtures/second-vcpu-inside-the-window/trace.ndjson", "utf8");
  const input = join(folder, "input.ndjson");
  writeFileSync(input, trace.replaceAll('"CPU 1/KVM"', JSON.stringify(comm)));
  expect(readFileSync(input, "utf8")).not.toBe(trace);
  await writeAll("hostile", input);
  await writeAll("again", input);
  for (const ending of endings) {
    const found = await rowsOf(
      `SELECT comm, vcpu, count(*)::INT AS n FROM ${tableOf("hostile", ending)} WHERE kind = 'fault' GROUP BY ALL ORDER BY vcpu`,
    );
    expect(found).toContainEqual({ comm, vcpu: 1, n: expect.any(Number) });
    expect(found).toContainEqual({ comm: "CPU 0/KVM", vcpu: 0, n: expect.any(Number) });
    expect(readFileSync(join(folder, `again.${ending}`))).toEqual(
      readFileSync(join(folder, `hostile.${ending}`)),
    );
  }
});

it("law: NDJSON rows are what `s2replay schema episodes` says", async () => {
  await writeAll("schema", "fixtures/retry-storm-is-one-access/trace.ndjson");
  const lines = readFileSync(join(folder, "schema.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(episodeSchema.strict().parse(JSON.parse(line))).toEqual(JSON.parse(line));
});

it("Parquet says by itself what its columns are", async () => {
  await writeAll("described", "fixtures/retry-storm-is-one-access/trace.ndjson");
  const [{ value }] = (await rowsOf(
    `SELECT decode(value) AS value FROM parquet_kv_metadata('${join(folder, "described.parquet")}') WHERE decode(key) = 's2replay'`,
  )) as [{ value: string }];
  expect(JSON.parse(value)).toMatchObject({
    schema: "s2replay-episodes/1",
    strategies: ["pre-patch", "post-patch"],
    columns: { stall_ns: expect.stringContaining("ns") },
  });
});
