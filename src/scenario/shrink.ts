import type { Breach } from "./laws.js";
import type { Script } from "./script.js";

/**
 * Removes operations from a scenario as long as the rest still shows the breach.
 * @param find returns the breach if a scenario shows it
 */
export function shrink(
  script: Script,
  breach: Breach,
  find: (script: Script) => Breach | undefined,
): { readonly script: Script; readonly breach: Breach } {
  let smallest = { script, breach };
  // Operations after the breach have no part in it. For a breach that only the final state shows there are none.
  const upTo = { ...script, operations: script.operations.slice(0, breach.operation) };
  const cut = find(upTo);
  if (cut !== undefined) smallest = { script: upTo, breach: cut };
  for (let size = Math.ceil(smallest.script.operations.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = smallest.script.operations.length - size; from >= 0; from -= size) {
      const { operations } = smallest.script;
      const fewer = {
        ...script,
        operations: [...operations.slice(0, from), ...operations.slice(from + size)],
      };
      const found = find(fewer);
      if (found !== undefined) smallest = { script: fewer, breach: found };
    }
  }
  return smallest;
}
