// Returns the texts that contrast with their ground by less than 4.5 : 1, as WCAG 2 defines it.
() => {
  const parse = (text) => {
    const numbers = text.match(/[\d.]+/g).map(Number);
    return [...numbers.slice(0, 3), numbers.length > 3 ? numbers[3] : 1];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => top[3] * c + (1 - top[3]) * under[i]);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => {
      const share = c / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.unshift(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text || element.closest("script, style, title, desc")) continue;
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element), drawn = element.closest("svg");
    // a text on a heat map has a pen and a plate of its own
    if (drawn && element.matches(".t-pen, .t-paper")) continue;
    const ground = groundOf(drawn ? drawn.parentElement : element);
    const ratio = contrast(over(parse(drawn ? style.fill : style.color), ground), ground);
    seen += 1;
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return { seen, found };
}
