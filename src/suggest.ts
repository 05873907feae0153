/** ` (did you mean "x"?)` for the candidate nearest to `word`, or "" when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const best = nearest(word, candidates);
  return best === undefined ? "" : ` (did you mean "${best}"?)`;
}

/**
 * The candidate with the fewest edits from `word`, ignoring case; ties go to the first. At most 2 edits are allowed, or
 * a third of the longer of the two where that is more.
 */
function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // A longer word is not close to any name here, and the distance takes quadratic time.
  if (word.length > 200) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    const allowed = Math.max(2, Math.ceil(Math.max(word.length, candidate.length) / 3));
    if (distance <= allowed && distance < candidate.length && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length]!;
}
