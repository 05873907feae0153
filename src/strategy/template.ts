/** The text of a user's first strategy: v6.1's walker, every step of a coalesce spelled out. */
export function strategyTemplate(name: string): string {
  return `// A stage-2 map walker for s2replay. To begin with it does what v6.1 does: change it, and ask
//
//   s2replay verify FILE                            is it sound?
//   s2replay walk --strategy v6.1 --diff FILE       what does it do otherwise, step by step?
//   s2replay diff TRACE --base v6.1 --candidate FILE    what would it have done to that host?
//
// A walker acts through this.ops alone, and neither counts nor times anything. this.map is what was asked for. A
// visit is one entry: its ipa, level, slot and page (the table page that holds it), and, as it was before the
// callback, isValid, child (the table below) and phys. Every callback answers "continue", or ends the walk with
// "retry" (-EAGAIN), "no-memory" (-ENOMEM), "too-big" (-E2BIG) or "invalid" (-EINVAL).

export default ({ strategyByName, MapSteps, habits }) => {
  class MyMap extends MapSteps {
    // Slot of the entry that becomes a block, while the tables below it are torn down.
    anchor = undefined;
    // The table that hung there.
    detached = 0;

    // An entry that holds a table, before what is below it.
    tablePre(visit) {
      if (this.anchor !== undefined) return "continue"; // inside of what is torn down
      if (!this.map.allowsLeafAt(visit)) return "continue"; // no block can stand here: go down
      this.detached = visit.child;
      this.ops.clear(visit); // break: from here on the guest faults
      this.ops.tlbiVmid(); // flush: any leaf below may be in the TLB
      this.anchor = visit.slot;
      return "continue";
    }

    // An entry without a table: a page, a block, or nothing.
    leaf(visit) {
      // mapEntry: the leaf where it fits, else a table, and the walk goes down. Break, flush and clean are in it.
      if (this.anchor === undefined) return this.mapEntry(visit);
      if (visit.isValid) this.ops.putPage(visit.page); // each entry holds a reference to its page
      return "continue";
    }

    // An entry that held a table, after what is below it.
    tablePost(visit) {
      if (this.anchor === undefined) return "continue";
      let table = visit.child;
      if (this.anchor === visit.slot) {
        table = this.detached;
        this.anchor = undefined;
        // make: clean the block's memory, store the block, take a reference, go on to the next address
        this.installLeaf(visit);
      }
      this.ops.putPage(table); // its last reference: the table is freed
      this.ops.putPage(visit.page); // the entry's own
      return "continue";
    }
  }

  return {
    // Its declared facts are v6.1's (the lock that its faults take, whether the fault path cleans before map, whether
    // detached tables are torn down later, what else the generation does): state here what is otherwise.
    ...strategyByName("v6.1"),
    name: ${JSON.stringify(name)},
    models: "v6.1 with a change of mine",
    createMapWalker: (ops, map) => new MyMap(ops, map, habits["v6.1"]),
  };
};
`;
}

/** The same of any built-in strategy: its walker as it is, with a place for each callback. */
export function strategyTemplateLike(name: string, like: string, isTypeScript: boolean): string {
  const typed = (text: string) => (isTypeScript ? text : "");
  return `// A stage-2 map walker for s2replay. To begin with it does what ${like} does: change it, and ask
//
//   s2replay verify FILE                            is it sound?
//   s2replay walk --strategy ${like} --diff FILE       what does it do otherwise, step by step?
//   s2replay diff TRACE --base ${like} --candidate FILE    what would it have done to that host?
//
// A walker acts through ops alone, and neither counts nor times anything. map is what was asked for. A visit is one
// entry: its ipa, level, slot and page (the table page that holds it), and, as it was before the callback, isValid,
// child (the table below) and phys. Every callback answers "continue", or ends the walk with "retry" (-EAGAIN),
// "no-memory" (-ENOMEM), "too-big" (-E2BIG) or "invalid" (-EINVAL). A callback that a walker lacks is not visited.
${typed('\nimport type { Strategy, Visit, Visitor } from "s2replay";\n')}
export default ({ strategyByName }${typed(": { strategyByName(name: string): Strategy }")})${typed(": Strategy")} => {
  const like = strategyByName(${JSON.stringify(like)});
  return {
    // Its declared facts are ${like}'s: state here what is otherwise.
    ...like,
    name: ${JSON.stringify(name)},
    models: ${JSON.stringify(`${like} with a change of mine`)},
    createMapWalker: (ops, map) => {
      const walker = like.createMapWalker(ops, map);
      const { tablePre, leaf, tablePost } = walker;
      const mine${typed(": Visitor")} = {};
      // An entry that holds a table, before what is below it.
      if (tablePre) mine.tablePre = (visit${typed(": Visit")}) => tablePre.call(walker, visit);
      // An entry without a table: a page, a block, or nothing.
      if (leaf) mine.leaf = (visit${typed(": Visit")}) => leaf.call(walker, visit);
      // An entry that held a table, after what is below it.
      if (tablePost) mine.tablePost = (visit${typed(": Visit")}) => tablePost.call(walker, visit);
      return mine;
    },
  };
};
`;
}
