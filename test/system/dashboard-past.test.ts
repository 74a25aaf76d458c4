/** The dashboard in a real Chromium: what was before, why it is so, and the making of znodes of every kind. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { sessionKey } from "../../src/base/ids.ts";
import { connect } from "../../src/client/index.ts";
import { missingBrowser, openPage, startBrowser } from "../harness/browser.ts";
import { acquire, openScene, type Scene, SECRET } from "./dashboard-scene.ts";

const LONG_MS = 60_000;

/** Others may use the machine. */
const WAIT = { timeout: 20_000 };

const missing = missingBrowser();
const isRequired = process.env["EDGEKEEPER_CHROMIUM"] === "required";

let scene: Scene;
let browser: Browser;
let page: Page;

async function put(path: string, body: string): Promise<string> {
  return (await scene.api.call("PUT", `/nodes${path}`, { body })).zxid;
}

async function go(hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

async function comeIn(hash = ""): Promise<void> {
  await page.goto(scene.url + hash);
  await page.getByLabel("Token, or the deployment's secret").fill(SECRET);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Parts of the page" }).waitFor();
}

/** Writes that are none of the history that is kept push out those that are. */
async function forgetHistory(): Promise<void> {
  const operations = [{ op: "put", path: "/noise", text: "x" }];
  for (let round = 0; round < 400; round++) await scene.api.call("POST", "/multi", { json: { operations } });
}

describe.skipIf(missing !== undefined && !isRequired)("the dashboard", () => {
  beforeAll(async () => {
    [scene, browser] = await Promise.all([
      openScene({ children: 100, vars: { LOG_BATCHES_MAX: "300" } }),
      startBrowser(),
    ]);
    ({ page } = await openPage(browser));
    await comeIn();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await scene?.ensemble.stop();
  });

  test("shows the tree as it was, marked as past, with nothing to change, and leads back", async () => {
    await put("/shop", "open");
    await put("/shop/apples", "10");
    const then = await put("/shop/pears", "20\nripe");
    await put("/shop/pears", "21\nripe");
    await scene.api.call("DELETE", "/nodes/shop/apples");
    await put("/shop/plums", "30");

    await go("#tree/shop");
    await page.getByRole("article", { name: "Znode /shop" }).waitFor();
    await page.keyboard.press("p");
    await page.getByRole("dialog", { name: "Look back" }).waitFor();
    // Into the field, which has the focus.
    await page.keyboard.type(then);
    await page.keyboard.press("Enter");
    const bar = page.getByRole("region", { name: "The past" });
    await expect.poll(async () => await bar.textContent(), WAIT).toContain("Nothing can be changed here");
    expect(await bar.locator("time").count()).toBe(1);
    const tree = page.getByRole("tree");
    await tree.getByRole("treeitem", { name: "apples" }).waitFor({ state: "detached" });
    await tree.getByRole("treeitem", { name: "shop" }).dblclick();
    await tree.getByRole("treeitem", { name: "apples" }).click();
    expect(await tree.getByRole("treeitem", { name: "plums" }).count()).toBe(0);
    const data = page.getByRole("region", { name: "Value" });
    await expect.poll(async () => await data.textContent(), WAIT).toBe("10");
    await tree.getByRole("treeitem", { name: "pears" }).click();
    await expect.poll(async () => await data.textContent(), WAIT).toBe("20\nripe");
    expect(await page.getByRole("button", { name: /^(Edit|New child|Delete|Edit list)/ }).count()).toBe(0);
    expect(await page.evaluate("location.hash")).toBe(`#tree/shop/pears?asOf=${then}`);

    await page.keyboard.press("Escape");
    await expect.poll(async () => await data.textContent(), WAIT).toBe("21\nripe");
    await page.getByRole("button", { name: "Delete" }).waitFor();
    await page.goBack();
    await expect.poll(async () => await data.textContent(), WAIT).toBe("20\nripe");
    await page.getByRole("button", { name: "Back to now" }).click();
    await bar.waitFor({ state: "detached" });
  });

  test("shows what came, what went and what was set between two moments, with the texts", async () => {
    const from = await put("/garden", "");
    await put("/garden/rose", "red");
    const middle = await put("/garden/oak", '{"height":1,"leaves":true}');
    await put("/garden/oak", '{"height":2,"leaves":true}');
    await scene.api.call("DELETE", "/nodes/garden/rose");
    await put("/garden/fern", "green");

    await go(`#tree/garden?from=${middle}`);
    const changes = page.getByRole("article", { name: "Changes of /garden" });
    await expect
      .poll(async () => await changes.textContent(), WAIT)
      .toContain("1 added, 1 removed, 1 changed");
    const entries = changes.getByRole("list", { name: "Changes" }).getByRole("listitem");
    expect(await entries.count()).toBe(3);
    const oak = await changes.getByRole("region", { name: "What changed in /garden/oak" }).textContent();
    expect(oak).toContain('−  "height": 1,');
    expect(oak).toContain('+  "height": 2,');
    expect(
      await changes.getByRole("region", { name: "What changed in /garden/rose" }).textContent(),
    ).toContain("−red");
    expect(
      await changes.getByRole("region", { name: "What changed in /garden/fern" }).textContent(),
    ).toContain("+green");

    await page.getByRole("button", { name: "Another moment" }).click();
    await page.getByLabel("From", { exact: true }).fill(from);
    await page.getByLabel("To, or empty for now").fill(middle);
    await page.keyboard.press("Enter");
    await expect.poll(async () => await changes.textContent(), WAIT).toContain("2 added at and below");
    await page.getByRole("button", { name: "Another moment" }).click();
    await page.getByLabel("From", { exact: true }).fill("soon");
    await page.keyboard.press("Enter");
    await expect
      .poll(async () => await page.getByRole("dialog").getByRole("alert").textContent(), WAIT)
      .toContain("is no moment");
    await page.keyboard.press("Escape");
    await changes.getByRole("button", { name: "See it as it was then" }).first().click();
    await page.getByRole("article", { name: "Znode /garden/oak, as it was" }).waitFor();
    await page.getByRole("button", { name: "What changed since" }).click();
    await page.getByRole("article", { name: "Changes of /garden/oak" }).waitFor();
  });

  test("tells the changes of documents before what is kept beside them, one click after it is asked", async () => {
    for (const port of [1, 2, 3]) await scene.api.call("PUT", "/config/shop", { json: { port } });
    await go("#tree/config");
    await page.getByRole("article", { name: "Znode /config", exact: true }).waitFor();
    await page.keyboard.press("p");
    await page.getByRole("button", { name: "What has changed" }).click();
    await page.getByRole("button", { name: "1 day ago" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const changes = page.getByRole("article", { name: "Changes of /config" });
    await expect
      .poll(async () => await changes.textContent(), WAIT)
      .toContain("from the beginning (before the");
    const own = changes.getByRole("list", { name: "Changes", exact: true });
    const texts = await own.locator(":scope > li > details > summary").allTextContents();
    expect(texts.map((text) => text.replaceAll(/\s+/g, " ").trim())).toEqual([
      "added /config configuration documents",
      "added /config/checkout configuration document",
      "added /config/shop configuration document",
    ]);
    const beside = changes.getByText("in what Edgekeeper keeps beside them");
    await beside.click();
    const kept = changes.getByRole("list", { name: "Changes beside them" });
    await expect.poll(async () => await kept.textContent(), WAIT).toContain("/config/shop/.history/");
  });

  test("explains a configuration document beside it", async () => {
    for (const port of [1, 2]) await scene.api.call("PUT", "/config/explained", { json: { port } });
    await go("#config/config/explained");
    const document = page.getByRole("article", { name: "Configuration /config/explained" });
    await document.getByRole("button", { name: "Explain", exact: true }).click();
    const why = document.getByRole("region", { name: "Why it is so" });
    await expect
      .poll(async () => await why.textContent(), WAIT)
      .toMatch(/\{"port":2\} .*: version 1, set last by .*, over replica/);
  });

  test(
    "explains who holds a lock and who waits, and why a session is over",
    { timeout: LONG_MS },
    async () => {
      const held = await acquire(scene, "orders/7", "worker-1");
      const waiting = acquire(scene, "orders/7", "worker-2", 60_000);
      await go("#locks/locks/orders/7");
      const lock = page.getByRole("article", { name: "lock /locks/orders/7" });
      await expect.poll(async () => await lock.textContent(), { timeout: LONG_MS }).toContain("worker-2");
      await lock.getByRole("button", { name: "Explain", exact: true }).click();
      const why = lock.getByRole("region", { name: "Why it is so" });
      await expect.poll(async () => await why.textContent(), WAIT).toContain("Held by");
      expect(await why.textContent()).toMatch(/Waits: worker-2 \(lock-\d+\).*, behind lock-0000000000/);
      await scene.api.call("POST", "/locks/orders/7/release", { json: { lease: held?.["lease"] } });
      const next = await waiting;
      await scene.api.call("POST", "/locks/orders/7/release", { json: { lease: next?.["lease"] } });
      await why.getByRole("button", { name: "Explain again" }).click();
      await expect
        .poll(async () => await why.textContent(), WAIT)
        .toContain("Nobody holds the lock /locks/orders/7, and nobody");

      const client = await connect(scene.ensemble.httpUrl, { token: SECRET });
      const id = sessionKey(client.sessionId);
      await client.create("/mayfly", "", { mode: "ephemeral" });
      await go(`#sessions/${id}`);
      const session = page.getByRole("article", { name: `Session ${id}` });
      await session.getByRole("button", { name: "/mayfly" }).waitFor();
      await session.getByRole("button", { name: "Explain", exact: true }).click();
      await expect.poll(async () => await session.textContent(), WAIT).toContain("attached to replica");
      await client.close();
      await expect
        .poll(async () => await session.textContent(), WAIT)
        .toContain("There is no session of this id, or no more");
      await expect
        .poll(async () => await session.textContent(), WAIT)
        .toMatch(/was closed by its owner.*With it went \/mayfly/);
      await session.getByRole("link", { name: "/mayfly" }).click();
      const gone = page.getByRole("article", { name: "Znode /mayfly" });
      await expect
        .poll(async () => await gone.textContent(), WAIT)
        .toContain("/mayfly is not there: it went");
      await gone.getByRole("link", { name: id }).first().click();
      await session.waitFor();
    },
  );

  test("makes znodes that end by themselves, and says why it makes no ephemeral", async () => {
    await put("/made", "");
    await go("#tree/made");
    for (const [name, kind, isSequential] of [
      ["plain", "persistent", false],
      ["row-", "persistent", true],
      ["box", "container", false],
      ["brief", "ttl", false],
      ["brief-", "ttl", true],
    ] as const) {
      await page.getByRole("article", { name: "Znode /made", exact: true }).waitFor();
      await page.getByRole("button", { name: "New child" }).click();
      const dialog = page.getByRole("dialog");
      expect(await dialog.textContent()).toContain("a page in a tab cannot promise");
      await dialog.getByLabel("Name", { exact: true }).fill(name);
      await dialog.getByLabel("Kind").selectOption(kind);
      if (kind === "ttl") {
        await dialog.getByLabel("How many").fill("2");
        await dialog.getByLabel("Of what").selectOption("hours");
      }
      const box = dialog.getByRole("checkbox");
      if (isSequential) await box.check();
      expect(await box.isDisabled()).toBe(kind === "container");
      await dialog.getByRole("button", { name: "Create" }).click();
      await page.getByRole("article", { name: new RegExp(`^Znode /made/${name}`) }).waitFor();
      await go("#tree/made");
    }
    const { json } = await scene.api.call("GET", "/nodes/made?children");
    expect(json?.["children"]).toEqual([
      "box",
      "brief",
      expect.stringMatching(/^brief-\d{10}$/),
      "plain",
      expect.stringMatching(/^row-\d{10}$/),
    ]);
  });

  test(
    "says it where the history does not reach back so far, and offers the oldest moment",
    { timeout: LONG_MS },
    async () => {
      const early = await put("/early", "one");
      await put("/early", "two");
      await forgetHistory();
      await go(`#tree/early?asOf=${early}`);
      const alert = page.getByRole("alert");
      await expect
        .poll(async () => await alert.first().textContent(), WAIT)
        .toContain("The history does not reach back to zxid");
      await page.getByRole("button", { name: "Look at the oldest" }).click();
      await expect
        .poll(async () => await page.getByRole("region", { name: "Value" }).textContent(), WAIT)
        .toBe("two");
      await go(`#tree/early?from=${early}`);
      await expect
        .poll(async () => await alert.first().textContent(), WAIT)
        .toContain("The history does not reach back to zxid");
      await go("#tree/early?asOf=2000-01-01T00:00:00Z");
      await expect
        .poll(async () => await alert.first().textContent(), WAIT)
        .toContain("The history does not reach back to 2000");
    },
  );
});
