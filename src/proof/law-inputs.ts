/** What the laws of a replay are asked with: walkers near a recording's own, and the recording rewritten. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { ImportedTraces } from "../import/import-traces.js";
import type { OpenTraceOptions } from "../import/open-trace.js";
import { strategyByName } from "../strategy/index.js";

/** Of each, another walker of the same lock, whose order one CPU keeps. */
const pairs: Readonly<Record<string, string>> = {
  "pre-patch": "post-patch",
  "post-patch": "pre-patch",
  "v5.10": "v5.10-rfc",
  "v5.10-rfc": "v5.10",
  "v5.12-rc1": "reorder-only",
  "reorder-only": "v5.12-rc1",
  "v6.12": "v7.2",
  "v7.2": "v6.12",
};

/** Modules of walkers, each written to a folder; every member gives a name or a file that --candidate takes. */
export class LawWalkers {
  /** @throws UsageError where there is no such walker */
  constructor(
    readonly recorder: string,
    private readonly folder: string,
  ) {
    if (strategyByName(recorder) === undefined) throw new UsageError(`no walker ${recorder}`);
  }

  /** The recorder under another name. */
  get copy(): string {
    return this.like("copy", "");
  }

  /** One that calls the recorder's, and does no more. */
  get wrapped(): string {
    return this.from(Number.MAX_SAFE_INTEGER, "wrapped");
  }

  /** Another walker, with work of its own. */
  get other(): string {
    return pairs[this.recorder] ?? this.small;
  }

  /** One get and one put more in each coalesce. */
  get small(): string {
    return this.from(0, "small");
  }

  /** One get and one put more in each map that reaches a leaf. */
  get smallInEach(): string {
    return this.adding("small-in-each", "false", "true");
  }

  /** One get and one put more in each coalesce from `ipa` on. */
  from(ipa: number, name = "from"): string {
    return this.adding(name, `visit.ipa >= ${ipa} && map.allowsLeafAt(visit)`, "false");
  }

  /** One get and one put more in each map, at its first table or leaf for which the condition holds. */
  private adding(name: string, atTable: string, atLeaf: string): string {
    return this.like(
      name,
      `createMapWalker: (ops, map) => {
    const walker = like.createMapWalker(ops, map);
    let isDone = false;
    const add = (visit, here) => {
      if (isDone || !here) return;
      isDone = true;
      ops.getPage(visit.page);
      ops.putPage(visit.page);
    };
    return Object.create(walker, {
      tablePre: { value: (visit) => (add(visit, ${atTable}), walker.tablePre(visit)) },
      leaf: { value: (visit) => (add(visit, ${atLeaf}), walker.leaf(visit)) },
      ...(walker.tablePost === undefined ? {} : { tablePost: { value: (visit) => walker.tablePost(visit) } }),
    });
  },`,
    );
  }

  /** A module that spreads the recorder under another name, with `more` of its own. */
  private like(name: string, more: string): string {
    const file = join(this.folder, `${name}.mjs`);
    writeFileSync(
      file,
      `export default ({ strategyByName }) => {
  const like = strategyByName(${JSON.stringify(this.recorder)});
  return { ...like, name: ${JSON.stringify(name)}, models: "${this.recorder}, for a law", ${more} };
};
`,
    );
    return file;
  }
}

/** Writes the recording as NDJSON, each event as `edit` has it. Throws as openTrace does. */
export async function rewrite(
  recording: string,
  options: OpenTraceOptions,
  file: string,
  edit: (line: string) => readonly string[],
): Promise<void> {
  const traces = await ImportedTraces.open([recording], options);
  const lines: string[] = [];
  let rest = "";
  for await (const piece of traces.pieces()) {
    const whole = (rest + piece.toString()).split("\n");
    rest = whole.pop() as string;
    for (const line of whole) lines.push(...(line.startsWith('{"type":"header"') ? [line] : edit(line)));
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
}

/** The event of another pid, name, CPU and pointers, and so many seconds later. */
export function renamed(line: string, laterSeconds: number): string {
  return line
    .replace(
      /"(ts|until)":(\d+)/g,
      (_, key: string, seconds: string) => `"${key}":${BigInt(seconds) + BigInt(laterSeconds)}`,
    )
    .replace(
      /"(pid|tgid|next_pid|target_pid)":(\d+)/g,
      (_, key: string, id: string) => `"${key}":${Number(id) + 20_000}`,
    )
    .replace(/"cpu":(\d+)/, (_, cpu: string) => `"cpu":${Number(cpu) + 64}`)
    .replace(/"comm":"[^"]*"/, '"comm":"renamed"')
    .replace(/"(pgt|mmu|kvm|vm)":"0x[0-9a-f]/g, '"$1":"0x7');
}
