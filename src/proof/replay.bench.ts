/**
 * `npm run bench:replay`: CPU time of a replay of 1,000,000 fault episodes (five lines each, 32 vCPUs in 4 VMs)
 * under two strategies, against the ndjson package's for reading the same file, in one run. Prints the ratio.
 */

import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ndjson from "ndjson";
import { seededRandom } from "../seeded-random.js";
import { bestInTurns, cpuSeconds } from "./bench-turns.js";

const RUNS = 3;
const EPISODES = 1_000_000;
const VMS = 4;
const VCPUS = 32;
const PAGE = 4096;

interface Measured {
  readonly lines: number;
  /** Seconds. */
  readonly cpu: number;
  readonly rssKiB: number;
}

/** vCPUs that populate memory page by page; every 16th fault is on a page that a sibling faults on too. */
function writeTrace(path: string): void {
  const random = seededRandom(7);
  const file = openSync(path, "w");
  let text =
    '{"type":"header","schema":"s2replay-trace/1","granule":4096,"ia_bits":40,"fwb":false,"walker":"pre-patch"}\n';
  const nextNs = Array.from({ length: VCPUS }, () => Math.floor(random() * 20_000));
  const lockFreeNs = new Array<number>(VMS).fill(0);
  const pages = new Array<number>(VMS).fill(0);
  const mapped = Array.from({ length: VMS }, () => new Set<number>());
  let lines: { at: number; text: string }[] = [];
  for (let episode = 0; episode < EPISODES; episode++) {
    const vcpu = nextNs.indexOf(Math.min(...nextNs));
    const vm = vcpu % VMS;
    const at = nextNs[vcpu] as number;
    const again = random() < 1 / 16 && (pages[vm] as number) > 0;
    const page = again ? (pages[vm] as number) - 1 : (pages[vm] as number);
    if (!again) pages[vm] = page + 1;
    const mapNs = Math.max(at + 2_000 + Math.floor(random() * 500), lockFreeNs[vm] as number);
    const isThere = mapped[vm]?.has(page) ?? false;
    const returnNs = mapNs + (isThere ? 700 : 1_500);
    lockFreeNs[vm] = returnNs + 50;
    mapped[vm]?.add(page);
    if (mapped[vm] !== undefined && mapped[vm].size > 64) mapped[vm] = new Set([page]);
    const ipa = `0x${(0x40000000 + page * PAGE).toString(16)}`;
    const pgt = `0xffff0000${(0x35ac3280 + vm * 0x1000).toString(16)}`;
    const put = (ns: number, rest: string) => {
      const decimals = String(ns % 1e9).padStart(9, "0");
      const line = `{"ts":${1000 + Math.floor(ns / 1e9)}.${decimals},"cpu":${vcpu},"pid":${4000 + vcpu},"comm":"CPU ${vcpu}/KVM","event":${rest}}\n`;
      lines.push({ at: ns, text: line });
    };
    put(at, `"s2_abort","vcpu":${vcpu}`);
    put(
      at + 600,
      `"kvm_guest_fault","ipa":"${ipa}","hsr":"0x92000047","hxfar":"0xffff8000${(page * PAGE).toString(16)}","vcpu_pc":"0xffff800010${(page & 0xffff).toString(16)}"`,
    );
    put(
      mapNs,
      `"s2_map","pgt":"${pgt}","addr":"${ipa}","size":"0x1000","phys":"0x${(0x80000000 + page * PAGE).toString(16)}","prot":"0x6"`,
    );
    put(returnNs, `"s2_map_ret","ret":${isThere ? -11 : 0}`);
    put(returnNs + 400, `"s2_abort_ret","ret":1`);
    nextNs[vcpu] = returnNs + 2_000 + Math.floor(random() * 300_000);
    if (lines.length > 50_000) {
      const earliest = Math.min(...nextNs);
      lines.sort((a, b) => a.at - b.at);
      const upTo = lines.findIndex((line) => line.at >= earliest);
      for (const line of lines.slice(0, upTo)) text += line.text;
      lines = lines.slice(upTo);
      writeSync(file, text);
      text = "";
    }
  }
  lines.sort((a, b) => a.at - b.at);
  for (const line of lines) text += line.text;
  writeSync(file, text);
  closeSync(file);
}

async function readWithPackage(path: string): Promise<void> {
  let lines = 0;
  for await (const _line of createReadStream(path).pipe(ndjson.parse())) lines++;
  report(lines);
}

async function replay(path: string): Promise<void> {
  const { diffTrace } = await import("../compare/diff.js");
  const result = await diffTrace({ input: path, lenient: false, base: "pre-patch", candidate: "post-patch" });
  report(result.trace.events);
}

function report(lines: number): void {
  process.stdout.write(JSON.stringify({ lines, cpu: cpuSeconds(), rssKiB: process.resourceUsage().maxRSS }));
}

const [, , what, path] = process.argv;
if (what === "ndjson" && path !== undefined) await readWithPackage(path);
else if (what === "replay" && path !== undefined) await replay(path);
else {
  const folder = mkdtempSync(join(tmpdir(), "s2replay-bench-"));
  try {
    const trace = join(folder, "trace.ndjson");
    writeTrace(trace);
    const megabytes = Math.round(statSync(trace).size / 1e6);
    console.log(`${EPISODES} episodes, ${EPISODES * 5} lines, ${megabytes} MB, ${VCPUS} vCPUs in ${VMS} VMs`);
    const self = fileURLToPath(import.meta.url);
    const [peer, ours] = bestInTurns<Measured>(self, ["ndjson", "replay"], trace, RUNS) as [
      Measured,
      Measured,
    ];
    const row = (name: string, { lines, cpu, rssKiB }: Measured) =>
      console.log(
        `${name.padEnd(34)} ${cpu.toFixed(2).padStart(7)} s CPU  ${((cpu / lines) * 1e6).toFixed(2).padStart(5)} us a line  ${Math.round(rssKiB / 1024)} MiB peak`,
      );
    row("ndjson package, parse and count", peer);
    row("s2replay diff, two strategies", ours);
    console.log(`ratio ${(ours.cpu / peer.cpu).toFixed(2)} (target: at most 1)`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
