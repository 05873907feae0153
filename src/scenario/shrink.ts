import type { Breach } from "./laws.js";
import type { Script } from "./script.js";

/**
 * Leaves out operations of a scenario as long as what is left still shows the breach.
 * @param find the breach in a scenario, if it shows there
 */
export function shrink(
  script: Script,
  breach: Breach,
  find: (script: Script) => Breach | undefined,
): { readonly script: Script; readonly breach: Breach } {
  let smallest = { script, breach };
  // What comes behind the breach has no part in it; for what only the end shows, nothing does.
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
