import { hex } from "../stage2/address-text.js";
import type { PageTable } from "../stage2/page-table.js";
import { type Action, actionText } from "./action-text.js";
import { EntryText } from "./entry-text.js";
import type { WalkEvent } from "./event-log.js";
import { Windows } from "./windows.js";

/** One event, as a person would write it on a whiteboard. */
export interface SketchLine {
  /** Indented by the level that the walk is at. */
  readonly text: string;
  /** What happened and where, without values: lines of the same kind correspond in two walks. */
  readonly kind: string;
}

type Store = Extract<WalkEvent, readonly ["st", ...unknown[]]>;

const INDENT = "  ";
const visitNames = { pre: "TABLE_PRE", leaf: "LEAF", post: "TABLE_POST" } as const;

/** The entry that the walk visits. */
interface Place {
  readonly level: number;
  readonly page: number;
  readonly base: string;
}

/** Sketches the events of one operation, and marks where windows open and close. */
export class Whiteboard {
  private readonly lines: SketchLine[] = [];
  private readonly entries: EntryText;
  private place: Place | undefined;

  /** @param brief for narrow columns; see EntryText */
  constructor(
    private readonly table: PageTable,
    brief: boolean,
  ) {
    this.entries = new EntryText(table, brief);
  }

  sketch(events: readonly WalkEvent[]): readonly SketchLine[] {
    const windows = new Windows(events);
    for (const event of events) {
      this.draw(event);
      const steps = windows.closedBy(event);
      if (windows.isOpenedBy(event)) this.act("[ window opens", "window opens");
      if (steps !== undefined)
        this.act(
          `] window closes after ${steps.toLocaleString("en-US")} ${steps === 1 ? "step" : "steps"}`,
          "window closes",
        );
    }
    return this.lines;
  }

  private draw(event: WalkEvent): void {
    switch (event[0]) {
      case "pre":
      case "post":
        this.visit(event[0], event[1], event[2], event[3], 1);
        break;
      case "leaf":
        this.visit(event[0], event[1], event[2], event[3], event[4]);
        break;
      case "st":
        this.store(event);
        break;
      case "free":
        // The put before it already says so.
        break;
      default:
        this.action(event);
    }
  }

  private action(action: Action): void {
    // The walk ends with these; a fill continues with its next walk.
    if (action[0] === "rcu_run" || action[0] === "dsb" || action[0] === "fpx") this.place = undefined;
    const { text, kind } = actionText(action);
    this.act(text, kind);
  }

  private visit(
    order: "pre" | "leaf" | "post",
    level: number,
    ipa: string,
    page: number,
    visits: number,
  ): void {
    this.place = { level, page, base: hex(this.table.granule.baseAt(Number(ipa), level)) };
    const more = visits === 1 ? "" : `, ${visits.toLocaleString("en-US")} entries`;
    const where = `${visitNames[order]} L${level} ${ipa}`;
    this.add(this.depth, `${where} in p${page}${more}`, where);
  }

  private store([, how, level, ipa, page, old, entry]: Store): void {
    const { place } = this;
    const isHere = place !== undefined && place.level === level && place.page === page && place.base === ipa;
    const named = isHere ? "" : `L${level} ${ipa} in p${page}: `;
    this.act(named + this.entries.store(how, level, old, entry), `st L${level} ${ipa}`);
  }

  /** What is done at a visit is indented one step further. */
  private act(text: string, kind: string): void {
    this.add(this.place === undefined ? 0 : this.depth + 1, text, kind);
  }

  private get depth(): number {
    return this.place === undefined ? 0 : this.place.level - this.table.granule.startLevel;
  }

  private add(depth: number, text: string, kind: string): void {
    this.lines.push({ text: INDENT.repeat(depth + 1) + text, kind });
  }
}
