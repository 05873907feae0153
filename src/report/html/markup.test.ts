import { expect, it } from "vitest";
import { html, scriptJson } from "./markup.js";

it("law: text in markup stays text", () => {
  const hostile = `</script><img src=x onerror="alert('1')">&\u0007`;
  expect(html`<p title="${hostile}">${[html`<b>${hostile}</b>`]}${1}</p>`.text).toBe(
    '<p title="&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\\u0007">' +
      "<b>&lt;/script&gt;&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\\u0007</b>1</p>",
  );
  expect(scriptJson({ hostile }).text).not.toMatch(/[<>&]/);
  expect(JSON.parse(scriptJson({ hostile }).text)).toEqual({ hostile });
});
