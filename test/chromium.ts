/** A page in headless Chromium, where one is installed. */
import { existsSync } from "node:fs";
import { chromium, type Page } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function findChromium(): string | undefined {
  return PLACES.find((path) => existsSync(path));
}

/** The page's browser ends with `page.close()`. */
export async function openPage(url: string): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  page.on("close", () => void browser.close());
  await page.goto(url);
  return page;
}
