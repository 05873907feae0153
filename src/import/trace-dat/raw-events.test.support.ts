/** A trace.dat's events with all their fields, as `trace-cmd report -R` shows them. */

import { RandomAccess } from "../random-access.js";
import type { EventField } from "./event-format.js";
import { fieldText } from "./field-value.js";
import { TraceDatFile } from "./trace-dat-file.js";

export interface RawEvent {
  /** Seconds, with nine decimals. */
  readonly time: string;
  readonly cpu: number;
  readonly pid: number;
  readonly comm: string;
  readonly event: string;
  readonly fields: readonly (readonly [field: EventField, text: string | undefined])[];
  /** Losses on its cpu before it. */
  readonly losses: readonly (number | undefined)[];
}

export async function* rawEvents(path: string): AsyncGenerator<RawEvent> {
  const bytes = await RandomAccess.file(path);
  try {
    const file = await TraceDatFile.open(bytes, undefined);
    const { comms, formats } = file.layout;
    const known = new Map<number, ReturnType<typeof formats.of>>();
    const events = await file.events((atByte, problem) => {
      throw new Error(`${path}: at byte ${atByte}: ${problem.message}`);
    });
    for (let cursor = events.first; cursor !== undefined; cursor = events.first) {
      const { view, at, littleEndian, seconds, nanos, cpu } = cursor;
      const id = view.getUint16(at + file.common.typeOffset, littleEndian);
      const pid = view.getInt32(at + file.common.pidOffset, littleEndian);
      if (!known.has(id)) known.set(id, formats.of(id));
      const format = known.get(id)!;
      yield {
        time: `${seconds}.${String(nanos).padStart(9, "0")}`,
        cpu,
        pid,
        comm: comms.get(pid) ?? (pid === 0 ? "<idle>" : "<...>"),
        event: format.name,
        fields: format.fields.map((field) => [field, fieldText(field, cursor!)] as const),
        losses: cursor.losses.splice(0),
      };
      if (!events.advance()) await events.refill();
    }
  } finally {
    await bytes.close();
  }
}
