// check.js FOLDER PROGRAM: holds what run.sh recorded against what the selftest must have done. Status 1 where it differs.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const [folder, program] = process.argv.slice(2);
const read = (name) => readFileSync(join(folder, name), "utf8");
const blocks = Number(read("blocks"));
const blockBytes = 2 * 1024 * 1024;
let failed = 0;

function check(what, found, expected) {
  const same = JSON.stringify(found) === JSON.stringify(expected);
  if (!same) failed++;
  console.log(
    `${same ? "ok    " : "FAILED"} ${what}: ${JSON.stringify(found)}${same ? "" : `, expected ${JSON.stringify(expected)}`}`,
  );
}

function s2replay(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status === 0) return stdout;
  console.log(`FAILED s2replay ${args.join(" ")}: status ${status}\n${stderr}`);
  process.exit(1);
}

/** The recording's events, by way of `s2replay import`. */
function importRecording(name, file) {
  s2replay("import", file, "-o", `${name}.ndjson`);
  const lines = read(`${name}.ndjson`)
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event !== undefined);
}

const count = (events, name) => events.filter(({ event }) => event === name).length;

/** The whole blocks that were mapped once logging was off: what was asked for, by address, where it was done. */
function adjustedBlocks(events) {
  const slot = events.filter(({ event, slot }) => event === "memslot" && slot === 1);
  const off = slot.findIndex(
    ({ flags }, i) => i > 0 && Number(flags) === 0 && Number(slot[i - 1].flags) === 1,
  );
  const adjust = events.slice(events.indexOf(slot[off]));
  const asked = new Map();
  const done = [];
  for (const { event, pid, addr, size, ret } of adjust) {
    if (event === "s2_map") asked.set(pid, { addr, size });
    else if (event === "s2_map_ret" && ret === 0 && Number(asked.get(pid).size) === blockBytes)
      done.push(asked.get(pid).addr);
  }
  return done.sort();
}

function checkCoalesces(name, file) {
  const events = importRecording(name, file);
  const header = JSON.parse(read(`${name}.header.json`));
  check(`${name}: lost events`, header.lost_events, 0);
  check(`${name}: missed hits`, header.probes.missed, {});
  check(`${name}: silent probes`, header.probes.silent, []);
  check(`${name}: memory slots are seen (self-test)`, header.probes.self_test, "passed");
  check(`${name}: aborts that returned`, count(events, "s2_abort_ret"), count(events, "s2_abort"));
  check(`${name}: faults that the handler took`, count(events, "kvm_guest_fault"), count(events, "s2_abort"));
  const done = adjustedBlocks(events);
  check(`${name}: blocks mapped in ADJUST`, done.length, blocks);
  check(`${name}: of these, each once`, new Set(done).size, blocks);
  const [major, minor] = header.kernel.split(/[.-]/).map(Number);
  const walker = major > 6 || (major === 6 && minor >= 2) ? "v6.12" : "v6.1";
  const { base } = JSON.parse(
    s2replay("diff", `${name}.ndjson`, "--base", walker, "--candidate", "post-patch", "--format", "json"),
  );
  check(`${name}: coalesces replayed under ${walker}`, base.faults.byCause.coalesceTrigger, blocks);
  check(`${name}: windows`, base.windows.count, blocks);
  if (header.probes.registered.includes("s2_break")) {
    check(
      `${name}: s2_break, s2_install`,
      [count(events, "s2_break"), count(events, "s2_install")],
      [blocks, blocks],
    );
  } else if (header.level === "walk") {
    check(`${name}: edges are inferred`, header.inferred, ["s2_break", "s2_install"]);
  }
}

console.log(read("walk.header.json"));
checkCoalesces("walk", "walk.dat");
checkCoalesces("text", "text.txt");

const faults = importRecording("faults", "faults.txt");
check("faults: some", count(faults, "kvm_guest_fault") > blocks, true);
check("faults: and no kprobe's", faults.filter(({ event }) => !event.startsWith("kvm_")).length, 0);

const small = JSON.parse(read("small.header.json"));
const lost = [...read("small.txt").matchAll(/\[LOST (\d+) EVENTS\]/g)].reduce(
  (sum, [, n]) => sum + Number(n),
  0,
);
check("small buffers: events were lost, and said", small.lost_events > 0, true);
check("small buffers: as many as the text says", small.lost_events, lost);

const one = importRecording("one", "one.txt");
check(
  "one VM of two: its page tables",
  new Set(one.filter(({ event }) => event === "s2_map").map(({ pgt }) => pgt)).size,
  1,
);
check(
  "one VM of two: the header says so",
  JSON.parse(read("one.header.json")).only_pid,
  Number(read("pid.one")),
);

const statuses = {
  walk: 0,
  text: 0,
  faults: 0,
  interrupted: 0,
  terminated: 143,
  failed: 7,
  small: 0,
  killed: 0,
  one: 0,
};
for (const [step, status] of Object.entries(statuses)) {
  check(`${step}: status`, Number(read(`status.${step}`)), status);
  check(`${step}: tracing of others, and what is left`, read(`changed.${step}`), "");
}
console.log(failed === 0 ? "all as expected" : `${failed} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
