/** The contrast of text and background (WCAG 2.2, 1.4.3): text of normal size needs 4.5. */
const leastContrast = 4.5;

/**
 * An expression for the browser: the texts of the page whose contrast is too low, as `CONTRAST text`. Drawings are left out:
 * what they show is in the tables as well.
 */
export const faintTexts = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const mix = (over, under, share) => over.map((value, index) => value * share + under[index] * (1 - share));
  const groundOf = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(one).backgroundColor);
      if (alpha > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const opacityOf = (element) => {
    let share = 1;
    for (let one = element; one !== null; one = one.parentElement) share *= Number(getComputedStyle(one).opacity);
    return share;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (text === '' || element.closest('svg, style, title') !== null) continue;
    const ground = groundOf(element);
    const ink = mix(channels(getComputedStyle(element).color).slice(0, 3), ground, opacityOf(element));
    const [light, dark] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < ${leastContrast}) faint.push(contrast.toFixed(2) + ' ' + text.slice(0, 60));
  }
  return faint;
})()`;
