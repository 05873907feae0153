import { basename } from "node:path";
import { type CostProfile, loadProfile, type ProfileDocument, parseProfile } from "../cost/profile.js";
import { UsageError } from "../errors.js";
import { strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";
import { meanSeconds, type PublishedRow, publishedRows, publishedWorkload, walkers } from "./published.js";
import { replaySession } from "./session.js";

/** Duration of a guest's read with this many readers, fitted to one published row. */
interface PublishedPoint {
  readonly vcpus: number;
  readonly ns: number;
  /** The value of the base profile at this point. */
  readonly baseNs: number;
  readonly publishedSeconds: number;
  /** Replayed with the rounded value. */
  readonly replayedSeconds: number;
}

export interface PublishedCalibration {
  readonly profile: CostProfile;
  readonly points: readonly PublishedPoint[];
}

/** Step to which a fitted value is rounded, ns. */
const DIGIT = 0.01;
const TRIALS = 30;

/**
 * Fits the guest reads of a profile to the `fitted` rows of the table: each row's workload is replayed with different
 * reads until its stage takes as long as published. Rows of fewer vCPUs come first, as values in between are
 * interpolated.
 */
export async function calibratePublished(
  file: string,
  profile = "kunpeng920",
): Promise<PublishedCalibration> {
  const base = loadProfile(profile);
  const rows = publishedRows(file)
    .filter(({ used }) => used === "fitted")
    .sort((a, b) => a.vcpus - b.vcpus);
  if (rows.length === 0) throw new UsageError(`${file}: no row is marked fitted`);
  const twice = rows.find((row, at) => row.vcpus === rows[at - 1]?.vcpus);
  if (twice !== undefined)
    throw new UsageError(`${file}:${twice.line}: another row of ${twice.vcpus} vCPUs is fitted too`);
  const points: PublishedPoint[] = [];
  for (const row of rows) points.push(await solve(file, row, points, base));
  const stages = rows.map((row) => `${meanSeconds(row).toFixed(4)} s at ${row.vcpus}`).join(", ");
  return {
    points,
    profile: withReads(base, points, {
      source:
        `fitted by s2replay calibrate --published ${basename(file)}: with these the replay of kvm_page_table_test ` +
        `gives its fitted rows (${stages} vCPUs). Includes whatever those rows hold beside the reads`,
      assumed: true,
    }),
  };
}

/** Fits the reads of one row; those for fewer vCPUs are known. */
async function solve(
  file: string,
  row: PublishedRow,
  known: readonly PublishedPoint[],
  base: CostProfile,
): Promise<PublishedPoint> {
  const { memory, gib, vcpus, variant } = row;
  const side = strategyByName(walkers[variant]) as Strategy;
  const publishedSeconds = meanSeconds(row);
  const input = publishedWorkload(memory, gib, vcpus);
  const replay = async (ns: number) => {
    const reads = withReads(base, [...known, { vcpus, ns }], { source: "a trial", assumed: true });
    const options = { input, lenient: false, epoch: "ADJUST", profile: reads.document };
    const session = await replaySession(options, [side]);
    const epoch = session.replay.counters(side).epochs.find(({ label }) => label === "ADJUST");
    return (epoch?.makespanNs as number) / 1e9;
  };
  const least = known.at(-1)?.ns ?? 0;
  const found = await root(
    async (ns) => (await replay(ns)) - publishedSeconds,
    least,
    base.guestReadNs(vcpus),
  );
  if (found === undefined)
    throw new UsageError(
      `${file}:${row.line}: ${publishedSeconds} s is less than the replay takes with reads of ${least} ns: ` +
        "the profile's other figures leave no room for it",
    );
  const ns = Math.max(least, Math.round(found / DIGIT) * DIGIT);
  const rounded = Number(ns.toFixed(2));
  return {
    vcpus,
    ns: rounded,
    baseNs: base.guestReadNs(vcpus),
    publishedSeconds,
    replayedSeconds: await replay(rounded),
  };
}

/** Finds the zero of a rising, nearly linear function by bracketed secants; undefined if it is above 0 at `least`. */
async function root(
  of: (x: number) => Promise<number>,
  least: number,
  start: number,
): Promise<number | undefined> {
  let low = least;
  let below = await of(low);
  if (below > 0) return undefined;
  let high = Math.max(start, least + 1);
  let above = await of(high);
  for (let trial = 0; above < 0 && trial < TRIALS; trial++) {
    [low, below] = [high, above];
    high *= 2;
    above = await of(high);
  }
  for (let trial = 0; trial < TRIALS && high - low > DIGIT / 10; trial++) {
    const secant = low + ((high - low) * -below) / (above - below);
    // A secant close to one end would only creep. Half a digit inside the end, the bracket closes from the other side.
    const x = Math.min(Math.max(secant, low + DIGIT / 20), high - DIGIT / 20);
    const y = await of(x);
    if (y === 0) return x;
    if (y < 0) [low, below] = [x, y];
    else [high, above] = [x, y];
  }
  return low + ((high - low) * -below) / (above - below);
}

function withReads(
  base: CostProfile,
  points: readonly { readonly vcpus: number; readonly ns: number }[],
  provenance: Pick<ProfileDocument["guestReadNs"], "source" | "assumed">,
): CostProfile {
  const { bound } = base.document.guestReadNs;
  const guestReadNs = {
    points: points.map(({ vcpus, ns }) => ({ vcpus, ns })),
    ...provenance,
    ...(bound === undefined ? {} : { bound }),
  };
  return parseProfile({ ...base.document, guestReadNs }, base.name);
}
