/** Finds the epochs that several recordings have in common. */

/** An epoch that all of them have. */
interface SharedEpoch {
  readonly label: string;
  /** Its index in each recording. */
  readonly at: readonly number[];
}

export interface EpochsAlike {
  /** In the order of the first recording. */
  readonly shared: readonly SharedEpoch[];
  /** Epochs that only some recordings have, by label, with the recordings that have them. */
  readonly apart: readonly { readonly label: string; readonly of: readonly number[] }[];
}

/**
 * Pairs epochs by their labels, those with the same label by their order; if no label is shared, all by their order.
 * Undefined where the recordings share no label and have different numbers of epochs.
 *
 * @param recordings the labels of each one's epochs
 */
export function epochsAlike(recordings: readonly (readonly string[])[]): EpochsAlike | undefined {
  const places = recordings.map(placesOf);
  const keys = [...new Set(places.flatMap((of) => [...of.keys()]))];
  const alike = keys.map((key) => ({
    label: (JSON.parse(key) as [string, number])[0],
    at: places.flatMap((of) => of.get(key) ?? []),
    of: [...places.keys()].filter((n) => places[n]!.has(key)),
  }));
  const isShared = ({ of }: { readonly of: readonly number[] }) => of.length === recordings.length;
  // An unnamed epoch is labelled by its number, which does not identify it: shared names take precedence.
  const hasNames = recordings.some((labels) => labels.some((label) => !isNumber(label)));
  const shared = alike
    .filter((epoch) => isShared(epoch) && !(hasNames && isNumber(epoch.label)))
    .map(({ label, at }) => ({ label, at }));
  if (shared.length > 0 || keys.length === 0)
    return {
      shared,
      apart: alike.filter((epoch) => !isShared(epoch)).map(({ label, of }) => ({ label, of })),
    };
  const [first = []] = recordings;
  if (recordings.some(({ length }) => length !== first.length)) return undefined;
  return {
    shared: first.map((_, n) => ({
      label: [...new Set(recordings.map((labels) => labels[n]!))].join(" / "),
      at: recordings.map(() => n),
    })),
    apart: [],
  };
}

/** See epochName. */
function isNumber(label: string): boolean {
  return /^#\d+$/.test(label);
}

/** Index of each epoch, by its label and its ordinal among the epochs of that label. */
function placesOf(labels: readonly string[]): Map<string, number> {
  const seen = new Map<string, number>();
  return new Map(
    labels.map((label, n) => {
      const nth = seen.get(label) ?? 0;
      seen.set(label, nth + 1);
      return [JSON.stringify([label, nth]), n] as const;
    }),
  );
}
