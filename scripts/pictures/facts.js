// What can be measured on a page: this script runs in the page itself.

window.facts = () => ({
  blocks: [...document.body.children].filter(isShown).map(block),
  // tables and blocks of code scroll instead of growing
  wide: all('body, body *').filter((element) => !element.parentElement.closest('pre, table, svg') && isShown(element))
    .map((element) => ({ kind: `${element.localName} ${element.lang}`.trim(), text: excerpt(element), over: excess(element) }))
    // a pixel is rounding
    .filter(({ over }) => over > 1),
  tables: all('table').map((table) => ({ text: excerpt(table), columns: table.rows[0].cells.length })),
  open: all('details[open]').map(excerpt),
  // characters that a reader sees only where Markdown was not understood
  raw: prose().filter((text) => /`|\*\*|\]\(|^(#{1,6} |\|)|<\/?(details|summary)/.test(text)),
  unfolded: all('.mermaid').filter((diagram) => !diagram.closest('details')).length,
  undrawn: all('.mermaid').filter((diagram) => !diagram.querySelector('svg') || /syntax error/i.test(diagram.textContent)).length,
});

const all = (selector) => [...document.querySelectorAll(selector)];

const excerpt = (element) => element.textContent.trim().replace(/\s+/g, ' ').slice(0, 50);

const isShown = (element) => element.checkVisibility() && element.getClientRects().length > 0;

// One of the parts that follow each other on the page.
function block(element) {
  return {
    tag: ['markdown-alert', 'mermaid'].find((name) => element.classList.contains(name)) ?? element.localName,
    language: element.lang,
    text: excerpt(element),
    lines: element.textContent.trimEnd().split('\n').length,
    bottom: Math.round(element.getBoundingClientRect().bottom + scrollY),
  };
}

// By how many px an element reaches into the margin, or its content out of its box.
function excess(element) {
  const hidden = element.clientWidth > 0 ? element.scrollWidth - element.clientWidth : 0;
  if (element === document.body) return hidden;
  const edge = document.documentElement.clientWidth - parseFloat(getComputedStyle(document.body).paddingRight);
  const right = Math.max(...[...element.getClientRects()].map((line) => line.right));
  return Math.round(Math.max(hidden, right - edge));
}

// The texts outside of code.
function prose() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (!parentElement.closest('code, pre, style, script')) found.push(data.trim().slice(0, 80));
  }
  return found;
}
