// What every page must keep, judged by what was measured.
import { WIDTHS } from './browser.mjs';

// px from the top within which a reader has seen why something failed
const FIRST_SCREEN = { [WIDTHS.wide]: 700, [WIDTHS.narrow]: 900 };
const MOST_COLUMNS = 3;
const MOST_EVIDENCE = 8;
// failures of which a server printed nothing, or nothing that may be shown
const WITHOUT_EVIDENCE = ['error', 'invalid', 'issue-quiet'];

// the order of a page's parts
const PARTS = ['heading', 'what failed', 'evidence', 'what to do', 'table', 'links', 'fold', 'note'];
const [HEADING, FAILED, EVIDENCE, TO_DO, TABLE, LINKS, FOLD, NOTE] = PARTS.keys();

// With all folds closed, as a reader finds the page.
export function closed(found, width, name) {
  const blocks = withParts(found.blocks);
  return [
    ...order(blocks),
    ...height(blocks, FIRST_SCREEN[width], WITHOUT_EVIDENCE.includes(name)),
    ...blocks.filter(({ part, lines }) => part === EVIDENCE && lines > MOST_EVIDENCE)
      .map(({ lines, text }) => `evidence: ${lines} lines, at most ${MOST_EVIDENCE}: “${text}”`),
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

function withParts(blocks) {
  let part = HEADING;
  return blocks.map((block) => {
    part = partOf(block, part);
    return { ...block, part };
  });
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

function order(blocks) {
  const broken = blocks[0]?.tag === 'h2' ? [] : [`order: does not start with a heading: “${blocks[0]?.text}”`];
  blocks.slice(1).forEach(({ tag, part, text }, index) => {
    const before = blocks[index];
    // a page of several findings has all parts up to what to do for each
    const next = tag === 'h3' && before.part <= TO_DO;
    if (part === EVIDENCE && before.part === HEADING) broken.push(`order: nothing says what failed before “${text}”`);
    if (part < before.part && !next) {
      broken.push(`order: ${PARTS[part]} “${text}” comes after ${PARTS[before.part]} “${before.text}”`);
    }
  });
  return broken;
}

// A failure shows its evidence, or else all up to what to do, on the first screen; a success shows everything there.
function height(blocks, most, withoutEvidence) {
  if (blocks.length === 0) return ['height: the page is empty'];
  const [heading] = blocks;
  const evidence = blocks.find((block) => block.part === EVIDENCE);
  if (!evidence && !withoutEvidence && /^(❌|🚨|↩️)/u.test(heading.text)) {
    return [`height: a failure without evidence: “${heading.text}”`];
  }
  const advice = blocks.filter((block) => block.part < TABLE).at(-1);
  const success = heading.text.startsWith('✅');
  const [what, { bottom }] = success ? ['page', blocks.at(-1)] : evidence ? ['evidence', evidence] : ['advice', advice];
  return bottom > most ? [`height: the ${what} ends at ${bottom} px, at most ${most}`] : [];
}

// Only what a server printed, and on a phone a command, may have to be scrolled, inside its own box.
function widths(wide, width) {
  const scrolls = (kind) => kind === 'pre text' || (kind === 'pre sh' && width === WIDTHS.narrow);
  return wide.filter(({ kind }) => !scrolls(kind))
    .map(({ kind, text, over }) => `width: ${kind} is ${over} px too wide: “${text}”`);
}
