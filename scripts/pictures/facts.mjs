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
    bottom: Math.round(element.getBoundingClientRect().bottom + scrollY),
  }));

  // what must fit into the width, with the space that it needs and the space that it has
  const boxes = [];
  const box = (kind, element, needs, has) => boxes.push({
    kind, text: short(element), needs: Math.round(needs), has: Math.round(has),
  });
  box('page', document.body, document.documentElement.scrollWidth, document.documentElement.clientWidth);
  for (const element of all('h1, h2, h3, h4, p, li, summary, table, pre:not(.mermaid), blockquote, .markdown-alert, .mermaid svg').filter(shown)) {
    const kind = element.localName === 'pre' ? `pre ${element.lang}`.trim() : element.localName;
    box(kind, element, element.scrollWidth, element.clientWidth);
    const { left, right } = element.getBoundingClientRect();
    box(kind, element, right - left, edge - left);
  }
  for (const element of all('code, a, img').filter((inline) => outside(inline, 'pre, table') && shown(inline))) {
    const right = Math.max(...[...element.getClientRects()].map((line) => line.right));
    const { left } = element.getBoundingClientRect();
    box(element.localName, element, right - left, edge - left);
  }

  return {
    blocks,
    boxes,
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
