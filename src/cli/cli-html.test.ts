import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { resultOfDocument } from "../compare/documents.js";
import { recordingsSchema } from "../compare/result-recordings.js";
import type { TraceResult } from "../compare/trace-result.js";
import { headCells, valueCells } from "../report/cells.js";
import { formatCount, formatNs } from "../report/quantity.js";
import { recordingsSheet } from "../report/recordings.js";
import { sheetOf } from "../report/sheet.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

// The built program: `npm test` builds it first.
const program = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const recording = join(root, "traces/5.10.262-prepatch-h2m-1v.ndjson.gz");

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);
const isRequired = process.env.S2REPLAY_BROWSER === "required";
if (executable === undefined && !isRequired)
  process.stderr.write("cli-html.test: no Chromium on this machine: pages are written, but not opened\n");

let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-html-"));
  if (executable === undefined) return;
  const quiet = ["quic", "background-networking", "component-update", "sync", "gpu"];
  const args = ["--headless", "--no-sandbox", "--no-first-run", ...quiet.map((name) => `--disable-${name}`)];
  browser = await chromium.launch({ executablePath: executable, args });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

interface Written {
  readonly file: string;
  readonly text: string;
  readonly result: TraceResult;
}

let pages = 0;

function run(args: readonly string[], input = "") {
  return spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    input,
  });
}

/** What the command writes, as JSON and as a page. */
function write(args: readonly string[], input = ""): Written {
  const name = `page-${++pages}.html`;
  const { status, stdout, stderr } = run([...args, "--format", "json", "--html", name], input);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const file = join(folder, name);
  return { file, text: readFileSync(file, "utf8"), result: resultOfDocument(JSON.parse(stdout)) };
}

/** Opens a page and hands it over once all of it is drawn; afterwards nothing may have been asked for or complained of. */
async function open(
  file: string,
  use: (page: Page) => Promise<void>,
  problems: RegExp[] = [],
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const seen: string[] = [];
  page.on("console", (message) => seen.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.push(error.message));
  page.on("dialog", (dialog) => {
    seen.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== pathToFileURL(file).href) seen.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('html[data-drawn="all"]', { timeout: 30_000 });
  await use(page);
  expect(seen.filter((text) => !problems.some((expected) => expected.test(text)))).toEqual([]);
  await page.close();
}

const textOf = async (page: Page, selector: string) => (await page.locator(selector).textContent()) ?? "";
const status = (page: Page) => textOf(page, ".status");
const details = (page: Page) => textOf(page, "#details");

/** The figures as the text report has them: label, then cells. */
function expectedRows(result: TraceResult): string[][] {
  const sides = result.sides;
  const blanks = headCells(sides.map(({ replay }) => replay.strategy)).map(() => "");
  return sheetOf(result).sections.flatMap(({ title, head, rows }) => [
    [title, ...(head === undefined ? blanks : valueCells(head, sides))],
    ...rows.map((row) => [row.label, ...valueCells(row, sides)]),
  ]);
}

it("a machine that must have a browser has one", () => {
  expect(executable !== undefined || !isRequired).toBe(true);
});

describe("what is written", () => {
  it("law: the same input gives the same bytes", () => {
    const args = ["diff", recording, "--html", "same.html", "-o", "result.txt"];
    expect(run(args).status).toBe(0);
    const first = readFileSync(join(folder, "same.html"));
    expect(run(args).status).toBe(0);
    expect(readFileSync(join(folder, "same.html")).equals(first)).toBe(true);
  });

  it("is small before its data", () => {
    const { text } = write(["diff", recording]);
    const [, data] = /<script type="text\/plain" id="data">([^<]*)</.exec(text)!;
    expect(text.length - data!.length).toBeLessThan(400_000);
  });

  it("nothing is left where the trace is malformed", () => {
    expect(run(["diff", "-", "--html", "bad.html"], "{\n").status).toBe(2);
    expect(existsSync(join(folder, "bad.html"))).toBe(false);
  });

  it("a lossy trace says so before anything else", () => {
    const { text } = write(["diff", join(root, "fixtures/lossy-trace/trace.ndjson")]);
    expect(/<main>\s*<p class="warning"><strong>Warning:<\/strong> lossy trace: /.test(text)).toBe(true);
  });
});

describe.skipIf(executable === undefined)("in a browser, two recordings", () => {
  const after = join(root, "traces/5.10.262-postpatch-h2m-1v.ndjson.gz");

  it.each<[string, "light" | "dark", string[]]>([
    ["one run a side", "light", [recording, after]],
    ["several", "dark", ["--before", recording, after, "--after", after]],
  ])("%s, %s: the verdict first, then the rows of the text report", async (_, colorScheme, runs) => {
    const name = `page-${++pages}.html`;
    const args = ["diff", ...runs, "--slot", "1", "--html", name, "--format", "json"];
    const { status, stdout, stderr } = run(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const sheet = recordingsSheet(recordingsSchema.parse(JSON.parse(stdout)));
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    const seen: string[] = [];
    page.on("console", (message) => seen.push(message.text()));
    page.on("request", (request) => seen.push(request.url()));
    const url = pathToFileURL(join(folder, name)).href;
    await page.goto(url);
    expect(await textOf(page, "main > dl.verdict dd")).toBe(sheet.heading[0]!.text);
    const rows = await page
      .locator(".figures tbody tr")
      .evaluateAll((lines) => lines.map((tr) => [...tr.children].map(({ textContent }) => textContent)));
    const blanks = sheet.head.map(() => "");
    const expected = sheet.sections.flatMap(({ title, head, rows: all }) => [
      [title, ...(head === undefined ? blanks : sheet.cellsOf(head))],
      ...all.map((row) => [row.label, ...sheet.cellsOf(row)]),
    ]);
    expect(rows.map(String).sort()).toEqual(expected.map(String).sort());
    expect(await page.locator("#runs-title").count()).toBe(runs.length > 2 ? 1 : 0);
    expect(seen).toEqual([url]);
    await page.close();
  });

  it("nothing is left where a recording cannot be read", () => {
    expect(run(["diff", recording, "nowhere.dat", "--html", "none.html"]).status).toBe(2);
    expect(existsSync(join(folder, "none.html"))).toBe(false);
  });
});

describe.skipIf(executable === undefined)("in a browser", () => {
  it.each<[string, string[]]>([
    ["diff", ["diff", recording, "--ablate", "clean,tlbi", "--samples", "3"]],
    ["diff of one epoch", ["diff", recording, "--epoch", "ADJUST", "--slot", "1"]],
    ["compare", ["compare", recording]],
    ["a strategy twice", ["diff", recording, "--base", "v6.1", "--candidate", "v6.1"]],
    ["replay", ["replay", recording, "--strategy", "v6.1"]],
    ["a lossy trace", ["diff", join(root, "fixtures/lossy-trace/trace.ndjson")]],
    [
      "one fault",
      ["replay", join(root, "fixtures/one-vcpu-one-coalesce/trace.ndjson"), "--strategy", "v6.1"],
    ],
    ["two VMs", ["diff", join(root, "fixtures/two-vms-interleaved/trace.ndjson")]],
  ])("law: the page's figures are those of the JSON result: %s", async (_, args) => {
    const { file, result } = write(args);
    await open(file, async (page) => {
      const rows = await page
        .locator(".figures tbody tr")
        .evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
      expect(new Map(rows.map((row) => [JSON.stringify(row), row]))).toEqual(
        new Map(expectedRows(result).map((row) => [JSON.stringify(row), row])),
      );
      expect(rows.length).toBe(expectedRows(result).length);
    });
  });

  const workload = ["-t", "hugetlb", "-g", "2M", "-m", "4", "-s", "32M", "-v", "3"];
  it.each<[string, () => Written]>([
    ["a recording", () => write(["diff", recording])],
    [
      "a workload whose order repeats",
      () => write(["diff", "-"], run(["workload", "kvm_page_table_test", ...workload]).stdout),
    ],
  ])("law: what is in view adds up to the result: %s", async (_, written) => {
    const { file, result } = written();
    await open(file, async (page) => {
      const text = await status(page);
      for (const { replay } of result.sides) {
        const { strategy, faults, stallNs, windows } = replay;
        expect(text).toContain(
          `${strategy}: ${formatCount(faults.accessesFaulted)} faulted accesses, stall ~${formatNs(stallNs.total)}`,
        );
        expect(windows.count).toBeGreaterThan(0);
      }
    });
  });

  it("zooms, moves and chooses by keys", async () => {
    const { file } = write(["diff", recording]);
    await open(file, async (page) => {
      const whole = await status(page);
      await page.focus(".timeline");
      await page.keyboard.press("+");
      const closer = await status(page);
      expect(closer).not.toBe(whole);
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("-");
      await page.keyboard.press("0");
      expect(await status(page)).toBe(whole);
      await page.keyboard.press("n");
      expect(await details(page)).toMatch(/ESR_EL2[\s\S]*EC[\s\S]*[DI]FSC[\s\S]*WnR[\s\S]*S1PTW/);
      const first = await details(page);
      await page.keyboard.press("n");
      expect(await details(page)).not.toBe(first);
      await page.keyboard.press("p");
      expect(await details(page)).toBe(first);
      await page.keyboard.press("Enter");
      expect(await status(page)).not.toBe(whole);
      await page.keyboard.press("Escape");
      expect(await details(page)).toContain("No episode is chosen");
    });
  });

  it("zooms by wheel, drags, brushes, and tells what lies under the pointer", async () => {
    const { file } = write(["diff", recording]);
    await open(file, async (page) => {
      await page.getByRole("button", { name: "ADJUST" }).click();
      const adjust = await status(page);
      await page.locator(".timeline").evaluate((box) => box.scrollIntoView());
      const box = (await page.locator(".timeline").boundingBox())!;
      await page.mouse.move(box.x + 700, box.y + 130);
      await page.mouse.wheel(0, -300);
      // The page has scrolled instead.
      expect(await status(page)).toBe(adjust);
      await page.locator(".timeline").evaluate((timeline) => timeline.scrollIntoView());
      await page.focus(".timeline");
      await page.mouse.wheel(0, -300);
      await vi.waitFor(async () => expect(await status(page)).not.toBe(adjust));
      await page.keyboard.press("0");
      await page.keyboard.down("Shift");
      await page.mouse.move(box.x + 600, box.y + 130);
      await page.mouse.down();
      await page.mouse.move(box.x + 700, box.y + 130, { steps: 3 });
      await page.mouse.up();
      await page.keyboard.up("Shift");
      const brushed = await status(page);
      await page.mouse.down();
      await page.mouse.move(box.x + 500, box.y + 130, { steps: 3 });
      await page.mouse.up();
      expect(await status(page)).not.toBe(brushed);
      await page.getByRole("button", { name: "ADJUST" }).dispatchEvent("click");
      expect(await status(page)).toBe(adjust);
      const tip = page.locator(".tip");
      await expect
        .poll(async () => {
          for (let y = 60; y < box.height - 10; y += 8) {
            await page.mouse.move(box.x + 500, box.y + y);
            if (await tip.isVisible()) return textOf(page, ".tip");
          }
          return "";
        })
        .toMatch(/vCPU 0: .*\nstall ~?\d.* of it lock wait/);
    });
  });

  it("law: strings of a trace stay text", async () => {
    const hostile = "</script><img src=x onerror=alert(1)><script>alert(2)</script>";
    const lines = readFileSync(join(root, "fixtures/two-epochs/trace.ndjson"), "utf8").trimEnd().split("\n");
    const changed = lines.map((line) => {
      const event = JSON.parse(line);
      if (event.type === "header") return JSON.stringify({ ...event, name: hostile });
      if (event.event === "marker") return JSON.stringify({ ...event, text: hostile });
      return JSON.stringify({ ...event, comm: hostile });
    });
    const { file, text } = write(["diff", "-"], `${changed.join("\n")}\n`);
    expect(text).not.toContain("<img");
    await open(file, async (page) => {
      expect(await page.locator("img").count()).toBe(0);
      expect(await textOf(page, ".trace")).toBe(hostile);
      await page.focus(".timeline");
      await page.keyboard.press("n");
      expect(await details(page)).toContain(hostile);
      expect(await textOf(page, ".buttons >> nth=-1")).toContain(hostile);
    });
  });

  it("its policy lets no other script run, nor anything be loaded", async () => {
    const { file } = write(["diff", recording]);
    await open(
      file,
      async (page) => {
        const ran = await page.evaluate<string[]>(`(async () => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'ran'";
          document.body.append(script);
          const answer = await fetch("https://example.com/").then(() => "loaded", () => "refused");
          return [document.title, answer];
        })()`);
        expect(ran[0]).not.toBe("ran");
        expect(ran[1]).toBe("refused");
      },
      [/Content Security Policy/, /Content-Security-Policy/],
    );
  });

  it("what the policy allows by hash is the page's own script: one that was put in does not run", async () => {
    const { text } = write(["diff", recording]);
    const file = join(folder, "tampered.html");
    writeFileSync(file, text.replace("</body>", "<script>document.title = 'ran'</script></body>"));
    await open(
      file,
      async (page) => {
        expect(await page.title()).not.toBe("ran");
      },
      [/Content Security Policy/],
    );
  });

  it.each([360, 1280, 2560])("is no wider than the screen: %i px", async (width) => {
    const { file } = write(["diff", recording, "--ablate", "clean"]);
    await open(file, async (page) => {
      await page.setViewportSize({ width, height: 800 });
      await expect
        .poll(() => page.evaluate("document.documentElement.scrollWidth"))
        .toBeLessThanOrEqual(width);
    });
  });

  it("every figure is told in words", async () => {
    const { file } = write(["diff", recording, "--ablate", "clean"]);
    await open(file, async (page) => {
      const figures = page.locator("main canvas:not([aria-hidden]), main svg:not([aria-hidden])");
      const words = await figures.evaluateAll((all) =>
        all.map((one) => one.closest('[role="img"]')?.getAttribute("aria-label") ?? ""),
      );
      expect(words.length).toBeGreaterThan(6);
      for (const text of words) expect(text).toMatch(/\d/);
    });
  });
});
