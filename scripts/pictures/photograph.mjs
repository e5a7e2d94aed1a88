// Saves pictures of every HTML page in a folder. Usage: photograph.mjs TOOLS FOLDER
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { WIDTHS, openFolds, withBrowser } from './browser.mjs';

// by the end of the picture's name
const LIGHT = {
  '': { width: WIDTHS.wide },
  '-narrow': { width: WIDTHS.narrow },
};
// one page stands for all of them in what differs little
const MORE = {
  'rolled-back': {
    '-dark': { width: WIDTHS.wide, scheme: 'dark' },
    '-narrow-dark': { width: WIDTHS.narrow, scheme: 'dark' },
    '-open': { width: WIDTHS.wide, folds: 'open' },
  },
};

const [tools, folder] = process.argv.slice(2).map((path) => resolve(path));

await withBrowser(tools, async (open) => {
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.html'))) {
    const name = basename(file, '.html');
    for (const [end, { width, scheme, folds }] of Object.entries({ ...LIGHT, ...MORE[name] })) {
      const page = await open(join(folder, file), width, scheme);
      if (folds) await openFolds(page, tools);
      await page.locator('body').screenshot({ path: join(folder, `${name}${end}.png`) });
      await page.close();
    }
  }
});
