/** Cost profiles: the time of each unit of a walker's work on one machine, and the source of each figure. */

import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";
import emulated from "./profiles/emulated.json" with { type: "json" };
import kunpeng920 from "./profiles/kunpeng920.json" with { type: "json" };

const provenance = {
  source: z.string().min(1),
  /** Nobody published or measured it: it is a parameter, and must never be shown as a measurement. */
  assumed: z.boolean(),
  /** What published figures say about an assumed one. */
  bound: z.string().min(1).optional(),
};

const figure = z.strictObject({
  value: z.number().nonnegative(),
  ...provenance,
  /** Smallest and largest plausible value, ns, of an assumed or fitted figure. */
  range: z
    .tuple([z.number().nonnegative(), z.number().nonnegative()])
    .refine(([least, most]) => least <= most, "expected the lower end first")
    .optional(),
});

/** Every figure is in nanoseconds for one unit of what its name says. */
const figures = z.strictObject({
  /** From the guest's access to the host's handler and back, together. */
  exitEntryNs: figure,
  /** The abort handler before it asks for the MMU lock: memslot, VMA, get_user_pages. */
  handlerNs: figure,
  /** After the lock is dropped: release of the page, and return to the entry path. */
  tailNs: figure,
  /** From the holder's unlock until the next waiter runs. */
  lockHandoffNs: figure,
  /** Entry and return of a map-like function, for any walk. */
  mapFixedNs: figure,
  entryVisitNs: figure,
  pteStoreNs: figure,
  pagePutNs: figure,
  tableFreeNs: figure,
  tableAllocNs: figure,
  /** A TLB invalidation includes its barriers. */
  tlbiVmidNs: figure,
  tlbiIpaNs: figure,
  /** One flush of a range of any length. */
  tlbiRangeNs: figure,
  /** D-cache clean to the point of coherency, one line of 64 bytes. */
  cleanLineNs: figure,
  /** I-cache invalidation, one line of 64 bytes. */
  icacheLineNs: figure,
  /** Hand-over of a detached subtree to a deferred free. */
  deferFreeNs: figure,
  /** One lap of a fault that gets -EAGAIN: exit, handler, entry. */
  retryLapNs: figure,
});

/** A known sum of several figures: if one of them changes, the remainder changes and the sum stays. */
const sum = z
  .strictObject({
    /** How many of each figure the sum has; `guestReadNs` counts as a read by a single vCPU. */
    of: z.partialRecord(z.enum([...figures.keyof().options, "guestReadNs"]), z.number().positive()),
    remainder: z.enum([...figures.keyof().options, "guestReadNs"]),
    source: z.string().min(1),
  })
  .refine(({ of, remainder }) => of[remainder] !== undefined, "expected the remainder to be part of the sum");

const ascending = (points: readonly { vcpus: number }[]) =>
  points.every((point, i) => i === 0 || point.vcpus > points[i - 1]!.vcpus);

const falls = (points: readonly { ns: number }[]) =>
  points.some((point, i) => i > 0 && point.ns < points[i - 1]!.ns);

const profileSchema = z.strictObject({
  schema: z.literal("s2replay-profile/1"),
  name: z.string().min(1),
  /** The machine, and the source of its figures. */
  source: z.string().min(1),
  figures,
  /** Figures by strategy, for a walker whose compiled code takes another time for the same work. */
  walkers: z.record(z.string(), z.strictObject({ entryVisitNs: figure })).optional(),
  /** In the order in which their remainders are derived. */
  sums: z.array(sum).optional(),
  /** A guest's read of one page that it has mapped, by the number of vCPUs reading at that time. */
  guestReadNs: z.strictObject({
    points: z
      .array(z.strictObject({ vcpus: z.int().positive(), ns: z.number().nonnegative() }))
      .min(1)
      .refine(ascending, "expected the points in ascending order of vcpus")
      .refine((points) => !falls(points), "expected more vCPUs not to make reads faster"),
    ...provenance,
  }),
});

export type ProfileDocument = z.infer<typeof profileSchema>;
export type FigureName = keyof ProfileDocument["figures"];
export const figureNames: readonly FigureName[] = figures.keyof().options;

export interface CostProfile {
  readonly name: string;
  readonly source: string;
  readonly document: ProfileDocument;
  /** Nanoseconds, possibly fractional; those of `walker` if the profile has its own figure for it. */
  figure(name: FigureName, walker?: string): number;
  /** Nanoseconds for a read while `vcpus` read: linear between the points, and extrapolated from the last two. */
  guestReadNs(vcpus: number): number;
}

const builtIn: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["kunpeng920", kunpeng920],
  ["emulated", emulated],
]);

/** Loads a built-in profile by name, a JSON file, or a given document. Throws UsageError. */
export function loadProfile(nameOrFile: string | ProfileDocument): CostProfile {
  if (typeof nameOrFile !== "string") return parseProfile(nameOrFile, nameOrFile.name);
  const document = builtIn.get(nameOrFile);
  if (document !== undefined) return parseProfile(document, nameOrFile);
  if (!looksLikeFile(nameOrFile) && !existsSync(nameOrFile)) {
    const names = [...builtIn.keys()];
    throw new UsageError(
      `unknown profile "${nameOrFile}"${didYouMean(nameOrFile, names)}: ` +
        `expected ${names.join(", ")}, or a JSON file`,
    );
  }
  return parseProfile(readJson(nameOrFile), nameOrFile);
}

function looksLikeFile(name: string): boolean {
  return /[/\\]|\.json$/.test(name);
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const problem = error instanceof SyntaxError ? `not JSON: ${error.message}` : readProblem(error);
    throw new UsageError(`${file}: ${problem}`);
  }
}

function readProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EISDIR") return "is a directory, expected a JSON file";
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** Checks a profile document; `where` names it in errors. Throws UsageError. */
export function parseProfile(document: unknown, where: string): CostProfile {
  const parsed = profileSchema.safeParse(document);
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((i) => describe(i, where)).join("\n"));
  const { name, source, figures: given, guestReadNs, walkers } = parsed.data;
  const ns = flatten(given);
  return {
    name,
    source,
    document: parsed.data,
    figure: (key, walker) => {
      const own = key === "entryVisitNs" && walker !== undefined ? walkers?.[walker] : undefined;
      return own === undefined ? ns[key] : own.entryVisitNs.value;
    },
    guestReadNs: (vcpus) => interpolate(guestReadNs.points, vcpus),
  };
}

function describe(issue: z.core.$ZodIssue, where: string): string {
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return `${where}: ${path || "document"}: ${issue.message}`;
  const known = issue.path[0] === "figures" && issue.path.length === 1 ? Object.keys(figures.shape) : [];
  return issue.keys
    .map((key) => `${where}: ${path ? `${path}.` : ""}${key}: unknown key${didYouMean(key, known)}`)
    .join("\n");
}

function flatten(given: ProfileDocument["figures"]): Readonly<Record<FigureName, number>> {
  const entries = Object.entries(given).map(([name, { value }]) => [name, value]);
  return Object.fromEntries(entries) as Record<FigureName, number>;
}

function interpolate(points: ProfileDocument["guestReadNs"]["points"], vcpus: number): number {
  const [first] = points as [(typeof points)[number]];
  if (vcpus <= first.vcpus || points.length === 1) return first.ns;
  const right = points.findIndex((point) => point.vcpus >= vcpus);
  // Beyond the last point, extrapolate.
  const above = right < 0 ? points.length - 1 : right;
  const { vcpus: from, ns } = points[above - 1]!;
  const to = points[above]!;
  return ns + ((to.ns - ns) * (vcpus - from)) / (to.vcpus - from);
}

/** The number of a profile's figures, guest reads included, that are assumptions. */
export function countAssumed(profile: CostProfile): { assumed: number; total: number } {
  const all = [...Object.values(profile.document.figures), profile.document.guestReadNs];
  return { assumed: all.filter((given) => given.assumed).length, total: all.length };
}
