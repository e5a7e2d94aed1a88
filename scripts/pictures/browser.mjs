// Shows a report in a headless Chromium as GitHub shows it on a job's page.
import { createRequire } from 'node:module';
import { join } from 'node:path';

// what a window has for a job's summary: at a desk, and on a phone
export const WIDTHS = { wide: 1012, narrow: 375 };

// the fonts are named, so that a page has the same height on every machine
const STYLE = `
  body.markdown-body {
    --fontStack-monospace: "Liberation Mono", monospace;
    box-sizing: border-box; margin: 0; padding: 24px 32px;
    font-family: "Liberation Sans", "Noto Color Emoji", sans-serif;
  }
  @media (max-width: 767px) { body.markdown-body { padding: 16px } }
  pre.mermaid { background: none !important }
`;

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export async function withBrowser(tools, use) {
  const { chromium } = createRequire(import.meta.url)(packageIn(tools, 'playwright-core'));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS });
  try {
    await use((file, width, colorScheme = 'light') => open(browser, tools, file, width, colorScheme));
  } finally {
    await browser.close();
  }
}

async function open(browser, tools, file, width, colorScheme) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  await page.goto(`file://${file}`);
  await page.addStyleTag({ path: join(packageIn(tools, 'github-markdown-css'), 'github-markdown.css') });
  await page.addStyleTag({ content: STYLE });
  return page;
}

// Opens all folds and draws the diagrams in them: in a closed one there is no room to measure.
export async function openFolds(page, tools) {
  await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; }));
  if (await page.locator('.mermaid').count() === 0) return;
  await page.addScriptTag({ path: join(packageIn(tools, 'mermaid'), 'dist', 'mermaid.min.js') });
  await page.evaluate(async () => {
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    window.mermaid.initialize({ startOnLoad: false, theme: dark ? 'dark' : 'default' });
    await window.mermaid.run({ querySelector: '.mermaid', suppressErrors: true });
  });
}

const packageIn = (tools, name) => join(tools, name, 'package');
