// What every page must keep, judged by what was measured.
import { WIDTHS } from './browser.mjs';

// px from the top within which a reader has seen why something failed
const FIRST_SCREEN = { [WIDTHS.wide]: 700, [WIDTHS.narrow]: 900 };
const MOST_COLUMNS = 3;

// the order of a page's parts
const PARTS = ['heading', 'what failed', 'evidence', 'what to do', 'table', 'links', 'fold', 'note'];
const [HEADING, FAILED, EVIDENCE, TO_DO, TABLE, LINKS, FOLD, NOTE] = PARTS.keys();

// With all folds closed, as a reader finds the page.
export function closed(found, width) {
  return [
    ...order(found.blocks),
    ...height(found.blocks, FIRST_SCREEN[width]),
    ...found.open.map((text) => `fold: open from the start: “${text}”`),
    ...(found.unfolded ? ['fold: a diagram outside of a fold'] : []),
    ...widths(found.wide, width),
    ...found.raw.map((text) => `raw: Markdown that GitHub does not understand: “${text}”`),
  ];
}

// With all folds open.
export function opened(found, width) {
  return [
    ...widths(found.wide, width),
    ...found.tables.filter((table) => table.columns > MOST_COLUMNS)
      .map((table) => `table: ${table.columns} columns, at most ${MOST_COLUMNS}: “${table.text}”`),
    ...(found.undrawn ? [`diagram: ${found.undrawn} not drawn`] : []),
  ];
}

function order(blocks) {
  const broken = [];
  let last = { part: HEADING };
  if (blocks[0]?.tag !== 'h2') broken.push(`order: does not start with a heading: “${blocks[0]?.text}”`);
  for (const block of blocks) {
    const part = partOf(block, last.part);
    // a page of several findings has all parts up to what to do for each
    const next = block.tag === 'h3' && last.part <= TO_DO;
    if (part === EVIDENCE && last.part === HEADING) broken.push(`order: nothing says what failed before “${block.text}”`);
    if (part < last.part && !next) {
      broken.push(`order: ${PARTS[part]} “${block.text}” comes after ${PARTS[last.part]} “${last.text}”`);
    }
    last = { part, text: block.text };
  }
  return broken;
}

function partOf({ tag, language, text }, before) {
  if (tag === 'h3') return FAILED;
  if (/^h[1-6]$/.test(tag)) return HEADING;
  if (tag === 'pre') return language === 'sh' ? TO_DO : EVIDENCE;
  if (tag === 'table') return TABLE;
  if (tag === 'details' || tag === 'mermaid') return FOLD;
  if (tag === 'markdown-alert') return NOTE;
  // a paragraph or a list
  if (/^what to do/i.test(text)) return TO_DO;
  if (before <= FAILED) return FAILED;
  return before < TABLE ? TO_DO : LINKS;
}

function height(blocks, most) {
  if (blocks.length === 0) return ['height: the page is empty'];
  const evidence = blocks.find((block) => partOf(block) === EVIDENCE);
  if (evidence) return evidence.bottom > most ? [`height: the evidence ends at ${evidence.bottom} px, at most ${most}`] : [];
  if (/^(❌|🚨|↩️)/u.test(blocks[0].text)) return [`height: a failure without evidence: “${blocks[0].text}”`];
  const { bottom } = blocks.at(-1);
  return bottom > most ? [`height: the page ends at ${bottom} px, at most ${most}`] : [];
}

// Only what a server printed, and on a phone a command, may have to be scrolled, inside its own box.
function widths(wide, width) {
  const scrolls = (kind) => kind === 'pre text' || (kind === 'pre sh' && width === WIDTHS.narrow);
  return wide.filter(({ kind }) => !scrolls(kind))
    .map(({ kind, text, over }) => `width: ${kind} is ${over} px too wide: “${text}”`);
}
