/** A lone - as an operand. */

const stdinWord = "stdin:";

/** yargs drops a lone - where several values may stand: it goes through under another name. */
export function nameStdin(argv: readonly string[]): string[] {
  if (argv[0] !== "import" && argv[0] !== "calibrate") return [...argv];
  return argv.map((word, at) =>
    word === "-" && !/^(-o|--output)$/.test(argv[at - 1] ?? "") ? stdinWord : word,
  );
}

/** The other way round. */
export function inputOf(word: string): string {
  return word === stdinWord ? "-" : word;
}
