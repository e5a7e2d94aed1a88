// Checks every HTML page in the folder GOOD, and that each page in BAD breaks exactly the rules that its first comment names:
// a regular expression in each line.
// Usage: check.mjs TOOLS GOOD BAD
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WIDTHS, openFolds, withBrowser } from './browser.mjs';
import { closed, opened } from './rules.mjs';

const [tools, good, bad] = process.argv.slice(2).map((path) => resolve(path));
let failures = 0;

await withBrowser(tools, async (open) => {
  for (const file of pagesIn(good)) {
    for (const [name, width] of Object.entries(WIDTHS)) {
      report(`${basename(file, '.html')}, ${name} (${width} px)`, (await look(open, file, width)).broken);
    }
  }
  for (const file of pagesIn(bad)) report(`bad/${basename(file, '.html')}`, await proof(open, file));
});
const pages = pagesIn(good).length;
console.log(`${pages} pages at ${Object.values(WIDTHS).join(' and ')} px: ${failures === 0 ? 'all good' : `${failures} violations`}`);
process.exitCode = failures === 0 && pages > 0 ? 0 : 1;

function pagesIn(folder) {
  return readdirSync(folder).filter((entry) => entry.endsWith('.html')).sort().map((entry) => join(folder, entry));
}

function report(title, broken) {
  failures += broken.length;
  if (broken.length > 0) console.log([`${title}:`, ...broken].join('\n  '));
}

async function look(open, file, width) {
  const page = await open(file, width);
  await page.addScriptTag({ path: fileURLToPath(new URL('facts.js', import.meta.url)) });
  const broken = closed(await page.evaluate(() => window.facts()), width, basename(file, '.html'));
  await openFolds(page, tools);
  broken.push(...opened(await page.evaluate(() => window.facts()), width));
  const expected = await page.evaluate(() => document.body.firstChild?.data?.trim());
  await page.close();
  return { broken: [...new Set(broken)], expected };
}

// What is wrong with a bad page: a rule does not break, or another one does.
async function proof(open, file) {
  const broken = [];
  let expected;
  for (const width of Object.values(WIDTHS)) {
    const seen = await look(open, file, width);
    expected = seen.expected;
    broken.push(...seen.broken);
  }
  const rules = expected.split('\n').map((line) => new RegExp(`^${line.trim()}`));
  return [
    ...rules.filter((rule) => !broken.some((text) => rule.test(text))).map((rule) => `proof: does not break ${rule}`),
    ...broken.filter((text) => !rules.some((rule) => rule.test(text))).map((text) => `proof: breaks another rule: ${text}`),
  ];
}
