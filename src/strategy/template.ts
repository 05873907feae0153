/** The text of a user's first strategy: v6.1's walker with every step of a coalesce written out. */
export function strategyTemplate(name: string): string {
  return `// A stage-2 map walker for s2replay. It does what v6.1 does until you change it. Then ask:
//
//   s2replay verify FILE                            is it sound?
//   s2replay walk --strategy v6.1 --diff FILE       what does it do differently, step by step?
//   s2replay diff TRACE --base v6.1 --candidate FILE    what would it have done to that host?
//
// A walker acts only through this.ops, and does not count or time anything. this.map is the request. A
// visit is one entry: its ipa, level, slot and page (the table page that holds it), and, as they were before the
// callback, isValid, child (the table below) and phys. Every callback answers "continue", or ends the walk with
// "retry" (-EAGAIN), "no-memory" (-ENOMEM), "too-big" (-E2BIG) or "invalid" (-EINVAL).

export default ({ strategyByName, MapSteps, habits }) => {
  class MyMap extends MapSteps {
    // Slot of the entry that becomes a block, while the tables below it are torn down.
    anchor = undefined;
    // The table that this entry held.
    detached = 0;

    // An entry that holds a table, before what is below it.
    tablePre(visit) {
      if (this.anchor !== undefined) return "continue"; // inside the subtree that is torn down
      if (!this.map.allowsLeafAt(visit)) return "continue"; // no block fits here: descend
      this.detached = visit.child;
      this.ops.clear(visit); // break: from here on the guest faults
      this.ops.tlbiVmid(); // flush: any leaf below may be in the TLB
      this.anchor = visit.slot;
      return "continue";
    }

    // An entry without a table: a page, a block, or nothing.
    leaf(visit) {
      // mapEntry stores the leaf if it fits, else a table, and the walk descends. It does break, flush and clean.
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
      this.ops.putPage(visit.page); // the entry's own reference
      return "continue";
    }
  }

  return {
    // The declared facts are v6.1's (the lock that its faults take, whether the fault path cleans before map, whether
    // detached tables are torn down later, what else the generation does): override those that differ.
    ...strategyByName("v6.1"),
    name: ${JSON.stringify(name)},
    models: "v6.1 with a change of mine",
    createMapWalker: (ops, map) => new MyMap(ops, map, habits["v6.1"]),
  };
};
`;
}

/** The same for any built-in strategy: its unchanged walker, with a place to edit each callback. */
export function strategyTemplateLike(name: string, like: string, isTypeScript: boolean): string {
  const typed = (text: string) => (isTypeScript ? text : "");
  return `// A stage-2 map walker for s2replay. It does what ${like} does until you change it. Then ask:
//
//   s2replay verify FILE                            is it sound?
//   s2replay walk --strategy ${like} --diff FILE       what does it do differently, step by step?
//   s2replay diff TRACE --base ${like} --candidate FILE    what would it have done to that host?
//
// A walker acts only through ops, and does not count or time anything. map is the request. A visit is one
// entry: its ipa, level, slot and page (the table page that holds it), and, as they were before the callback, isValid,
// child (the table below) and phys. Every callback answers "continue", or ends the walk with "retry" (-EAGAIN),
// "no-memory" (-ENOMEM), "too-big" (-E2BIG) or "invalid" (-EINVAL). The walk skips callbacks that a walker lacks.
${typed('\nimport type { Strategy, Visit, Visitor } from "s2replay";\n')}
export default ({ strategyByName }${typed(": { strategyByName(name: string): Strategy }")})${typed(": Strategy")} => {
  const like = strategyByName(${JSON.stringify(like)});
  return {
    // The declared facts are ${like}'s: override those that differ.
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
