// Saves a screenshot of every HTML page in a folder. Usage: photograph.mjs TOOLS FOLDER
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [tools, folder] = process.argv.slice(2).map((path) => resolve(path));
const packageOf = (name) => join(tools, readdirSync(tools).find((entry) => entry.startsWith(`${name}@`)), 'package');
const { chromium } = createRequire(import.meta.url)(packageOf('playwright-core'));

// as wide as the summary on a job page
const STYLE = 'body { width: 900px; padding: 24px 32px; box-sizing: border-box } .mermaid { background: none !important }';

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.html'))) {
    const page = await browser.newPage({ viewport: { width: 900, height: 600 } });
    await page.goto(`file://${join(folder, name)}`);
    await page.addStyleTag({ path: join(packageOf('github-markdown-css'), 'github-markdown-light.css') });
    await page.addStyleTag({ content: STYLE });
    await page.addScriptTag({ path: join(packageOf('mermaid'), 'dist', 'mermaid.min.js') });
    await page.evaluate(async () => {
      window.mermaid.initialize({ startOnLoad: false });
      await window.mermaid.run();
    });
    await page.locator('body').screenshot({ path: join(folder, name.replace(/html$/, 'png')) });
    await page.close();
  }
} finally {
  await browser.close();
}
