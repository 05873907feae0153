/** yargs' complaints about a command line, reworded: what was wrong, what is near it, where to read on. */

import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";

export interface CommandLine {
  readonly argv: readonly string[];
  /** The names of all commands. */
  readonly commands: readonly string[];
  /** What a command that has commands of its own calls them, and their names. */
  readonly nested: Readonly<Record<string, { readonly called: string; names(): Promise<readonly string[]> }>>;
  /** The help text of a command, its words separated by spaces, or of the program. */
  help(command: string | undefined): Promise<string>;
}

export async function reword(complaint: string, line: CommandLine): Promise<UsageError> {
  const [first, second] = line.argv.filter((word) => !word.startsWith("-"));
  const outer = line.commands.find((name) => name === first);
  const nested = line.nested[outer ?? ""];
  const names = (await nested?.names()) ?? [];
  const inner = names.find((name) => name === second);
  if (nested !== undefined && second !== undefined && inner === undefined)
    return new UsageError(
      `unknown ${nested.called} "${second}"${didYouMean(second, names)}; see s2replay ${outer} --help`,
    );
  const command = inner === undefined ? outer : `${outer} ${inner}`;
  const problem = await problemOf(complaint, command, line);
  return new UsageError(`${problem}; see s2replay ${command === undefined ? "" : `${command} `}--help`);
}

async function problemOf(complaint: string, command: string | undefined, line: CommandLine): Promise<string> {
  const [, kind, unknown] = /^Unknown (command|argument)s?: ([^,]*)/.exec(complaint) ?? [];
  if (unknown !== undefined) {
    if (kind === "argument") return unknownOption(unknown, await line.help(command));
    if (command !== undefined) return `unexpected argument "${unknown}"`;
    return `unknown command "${unknown}"${didYouMean(unknown, line.commands)}`;
  }
  if (/^Not enough non-option arguments/.test(complaint)) {
    const [, operand] = /<([\w|]+)>/.exec(await line.help(command)) ?? [];
    return operand === undefined ? "expected a command" : `expected a ${operand.replace("|", " or a ")}`;
  }
  const [, missing] =
    /^(?:Not enough arguments following|Missing required arguments?): ([^,]*)/.exec(complaint) ?? [];
  if (missing !== undefined) return `--${missing}: expected a value`;
  const [, exclusive, other] = /^Arguments (\S+) and (\S+) are mutually exclusive/.exec(complaint) ?? [];
  if (exclusive !== undefined) return `--${exclusive} and --${other} exclude each other`;
  const choice = /Argument: (\S+), Given: (.*), Choices: (.*)/.exec(complaint);
  if (choice !== null) {
    const [, name, given, choices] = choice;
    const isOption = (await line.help(command)).includes(`--${name} `);
    return `${isOption ? "--" : ""}${name}: expected one of ${choices}, got ${given}`;
  }
  return complaint;
}

function unknownOption(name: string, help: string): string {
  const option = `${name.length === 1 ? "-" : "--"}${name}`;
  return `unknown option ${option}${didYouMean(option, help.match(/--[a-z][a-z-]+/g) ?? [])}`;
}
