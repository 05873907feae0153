import type { Activity } from "../activity/activity.js";

/** A guest address beyond the table's input size, or an abort at a level that such a table does not have. */
export class InputAddressError extends Error {}

/** Throws InputAddressError if `ipa`, the last byte of the activity's range, is beyond the input size. */
export function checkAddress(iaBits: number, activity: Activity, ipa: number): void {
  if (ipa < 2 ** iaBits) return;
  throw new InputAddressError(
    `line ${activity.line}: IPA 0x${ipa.toString(16)} does not fit in ${iaBits} bits`,
  );
}
