// What can be measured on a page. This function runs inside the browser, so it uses nothing from outside itself.
export function facts() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const short = (element) => element.textContent.trim().replace(/\s+/g, ' ').slice(0, 50);
  const outside = (element, selector) => !element.closest(selector);
  const shown = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  // of the space that a page has between its margins
  const { paddingRight } = getComputedStyle(document.body);
  const edge = document.documentElement.clientWidth - parseFloat(paddingRight);

  const blocks = [...document.body.children].filter(shown).map((element) => ({
    tag: ['markdown-alert', 'mermaid'].find((name) => element.classList.contains(name)) ?? element.localName,
    language: element.lang,
    text: short(element),
    lines: element.textContent.trimEnd().split('\n').length,
    bottom: Math.round(element.getBoundingClientRect().bottom + scrollY),
  }));

  // what is wider than its box, or reaches into the margin; tables and blocks of code scroll instead of growing
  const wide = all('body, body *').filter((element) => outside(element.parentElement, 'pre, table, svg') && shown(element))
    .map((element) => {
      const right = Math.max(...[...element.getClientRects()].map((line) => line.right));
      const hidden = element.clientWidth > 0 ? element.scrollWidth - element.clientWidth : 0;
      const over = Math.round(Math.max(hidden, element === document.body ? 0 : right - edge));
      return { kind: `${element.localName} ${element.lang}`.trim(), text: short(element), over };
    })
    // a pixel is rounding
    .filter(({ over }) => over > 1);

  return {
    blocks,
    wide,
    tables: all('table').map((table) => ({ text: short(table), columns: table.rows[0].cells.length })),
    open: all('details[open]').map((fold) => short(fold)),
    // GitHub shows these characters only where Markdown was not understood
    raw: texts(document.body).filter((text) => /`|\*\*|\]\(|^\s*(#{1,6} |\|)|<\/?(details|summary)/.test(text)),
    unfolded: all('.mermaid').filter((diagram) => outside(diagram, 'details')).length,
    undrawn: all('.mermaid').filter((diagram) => !diagram.querySelector('svg') || /syntax error/i.test(diagram.textContent)).length,
  };

  function texts(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const { parentElement, data } = walker.currentNode;
      if (outside(parentElement, 'code, pre, style, script')) found.push(data.trim().slice(0, 80));
    }
    return found;
  }
}
