/** Switches between the light, dark and system themes; the choice is not stored. Printing uses the light theme. */

import { byId } from "./dom.js";

const themes = ["system", "light", "dark"] as const;

export function startTheme(changed: () => void): void {
  const button = byId("theme") as HTMLButtonElement;
  const { style } = document.documentElement;
  let at = 0;
  const apply = (theme: (typeof themes)[number]) => {
    style.colorScheme = theme === "system" ? "" : theme;
    changed();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    at = (at + 1) % themes.length;
    button.textContent = `Theme: ${themes[at]}`;
    apply(themes[at]!);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  addEventListener("beforeprint", () => apply("light"));
  addEventListener("afterprint", () => apply(themes[at]!));
}
