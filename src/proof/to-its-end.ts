import { stopProgress } from "../cli/progress.js";

/** Runs a proof: status 1 where it says that something is broken, 2 with what it threw; a signal ends it cleanly. */
export async function toItsEnd(name: string, findsBroken: () => Promise<boolean>): Promise<void> {
  process.once("SIGINT", () => {
    stopProgress();
    process.exit(130);
  });
  // `| head` has read enough.
  process.stdout.on("error", () => process.exit());
  try {
    if (await findsBroken()) process.exitCode = 1;
  } catch (error) {
    process.exitCode = 2;
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
  }
}
