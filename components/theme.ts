import { css } from 'lit'

/**
 * Design tokens. Each `--packetarium-x` may be set by the embedding page, on any ancestor; the elements' own styles use `--pk-x`,
 * which falls back to the default for the light or dark scheme. Two tiers, so that a nested element does not hide what an
 * ancestor has set.
 *
 * The scheme is `--packetarium-color-scheme`: `light dark` (the default: as the system has it), `light` or `dark`.
 *
 * Flow colours derive from the palette of Okabe and Ito (2008), moved in lightness until all pairs stay apart under protanopia,
 * deuteranopia and tritanopia, and until each has a contrast of 3:1 or more against every background of its scheme.
 */
export const tokens = css`
  :host {
    color-scheme: var(--packetarium-color-scheme, light dark);

    --pk-background: var(--packetarium-background, light-dark(#fbfaf7, #14171c));
    --pk-surface: var(--packetarium-surface, light-dark(#ffffff, #1a1e25));
    --pk-sunken: var(--packetarium-sunken, light-dark(#f3f1ec, #0f1216));
    --pk-hover: var(--packetarium-hover, light-dark(#efece5, #252b34));
    --pk-line: var(--packetarium-line, light-dark(#e2ded5, #2e353f));
    --pk-line-strong: var(--packetarium-line-strong, light-dark(#8f8a7f, #6c7685));
    --pk-text: var(--packetarium-text, light-dark(#1d1f23, #e9ebef));
    --pk-muted: var(--packetarium-muted, light-dark(#5d6169, #a3abb8));
    --pk-accent: var(--packetarium-accent, light-dark(#0b5cad, #6db0ff));
    --pk-on-accent: var(--packetarium-on-accent, light-dark(#ffffff, #0d1a2a));
    --pk-accent-soft: var(--packetarium-accent-soft, light-dark(#e3eefa, #1d3048));
    --pk-lost: var(--packetarium-lost, light-dark(#bd3704, #ff7a3d));
    --pk-lost-soft: var(--packetarium-lost-soft, light-dark(#fcebe3, #3a211a));
    --pk-good: var(--packetarium-good, light-dark(#176b52, #63cfab));
    --pk-warning: var(--packetarium-warning, light-dark(#8f5c00, #f0b64a));
    --pk-warning-soft: var(--packetarium-warning-soft, light-dark(#fbf1dc, #33291a));

    --pk-flow-0: var(--packetarium-flow-0, light-dark(#515a68, #b4bcc8));
    --pk-flow-1: var(--packetarium-flow-1, light-dark(#0b5cad, #4a97f5));
    --pk-flow-2: var(--packetarium-flow-2, light-dark(#b06100, #f5a11a));
    --pk-flow-3: var(--packetarium-flow-3, light-dark(#2a9475, #7fdcbd));
    --pk-flow-4: var(--packetarium-flow-4, light-dark(#6d1559, #c781a9));
    --pk-flow-5: var(--packetarium-flow-5, light-dark(#3a8ab8, #39bfe5));
    --pk-flow-6: var(--packetarium-flow-6, light-dark(#4a4f00, #fbe14a));
    --pk-flow-7: var(--packetarium-flow-7, light-dark(#2b313b, #f1f4f8));

    --pk-font: var(--packetarium-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif);
    --pk-mono: var(
      --packetarium-mono,
      ui-monospace,
      'SF Mono',
      'Cascadia Mono',
      'Segoe UI Mono',
      Menlo,
      Consolas,
      'DejaVu Sans Mono',
      monospace
    );
    --pk-scale: var(--packetarium-scale, 1);
    --pk-size: calc(var(--packetarium-font-size, 14px) * var(--pk-scale));
    --pk-size-small: calc(var(--pk-size) * 0.875);
    --pk-size-tiny: calc(var(--pk-size) * 0.8);

    --pk-space: calc(var(--packetarium-space, 4px) * var(--pk-scale));
    --pk-radius: var(--packetarium-radius, 6px);
    --pk-radius-large: var(--packetarium-radius-large, 12px);
    --pk-shadow: var(
      --packetarium-shadow,
      0 1px 2px light-dark(rgb(40 35 20 / 0.08), rgb(0 0 0 / 0.4)),
      0 8px 28px light-dark(rgb(40 35 20 / 0.14), rgb(0 0 0 / 0.5))
    );
    --pk-ring: 0 0 0 2px var(--pk-background), 0 0 0 4px var(--pk-accent);

    font-family: var(--pk-font);
    font-size: var(--pk-size);
    line-height: 1.45;
    font-variant-numeric: tabular-nums;
    color: var(--pk-text);
  }
`

/** A theme as a canvas needs it: colours as 0xRRGGBB. */
export interface Theme {
  readonly dark: boolean
  readonly background: number
  readonly surface: number
  readonly sunken: number
  /** Hairlines. */
  readonly line: number
  /** Lines that mean something: links, outlines of hosts; at least 3:1 against the background. */
  readonly lineStrong: number
  readonly text: number
  readonly muted: number
  readonly accent: number
  readonly onAccent: number
  /** What was lost, and where it died. */
  readonly lost: number
  readonly good: number
  readonly warning: number
  /** By connection: index 0 is for frames of no conversation; connection n has the colour `1 + (n - 1) % 7`, see `flowIndex`. */
  readonly flows: readonly number[]
  readonly font: string
  readonly mono: string
  /** Font size in px, with the scale for projectors applied. */
  readonly fontSize: number
}

/** Index into `Theme.flows` (and of `--pk-flow-n`) for a connection of the trace. */
export function flowIndex(connection: number): number {
  return connection === 0 ? 0 : 1 + ((connection - 1) % 7)
}

let pixel: CanvasRenderingContext2D | null | undefined

/** Any CSS colour as 0xRRGGBB; its alpha is ignored. */
function colourNumber(colour: string): number {
  const numbers = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)/.exec(colour)
  if (numbers !== null) return (Number(numbers[1]) << 16) | (Number(numbers[2]) << 8) | Number(numbers[3])
  pixel ??= Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', {
    willReadFrequently: true,
  })
  if (pixel === null) return 0x808080
  pixel.fillStyle = colour
  pixel.fillRect(0, 0, 1, 1)
  const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data
  return (red << 16) | (green << 8) | blue
}

/** The theme as it is at an element that uses `tokens` (the element must be in the document). */
export function readTheme(element: Element): Theme {
  const probe = document.createElement('span')
  probe.setAttribute('aria-hidden', 'true')
  probe.style.cssText = 'position:absolute;visibility:hidden;pointer-events:none;width:0;height:0;overflow:hidden;transition:none'
  ;(element.shadowRoot ?? element).append(probe)
  const computed = getComputedStyle(probe)
  const colour = (name: string): number => {
    probe.style.color = `var(--pk-${name})`
    return colourNumber(computed.color)
  }
  probe.style.fontSize = 'var(--pk-size)'
  const luminance = (colour: number): number => 0.299 * (colour >> 16) + 0.587 * ((colour >> 8) & 255) + 0.114 * (colour & 255)
  const background = colour('background')
  const theme: Theme = {
    dark: luminance(background) < 128,
    background,
    surface: colour('surface'),
    sunken: colour('sunken'),
    line: colour('line'),
    lineStrong: colour('line-strong'),
    text: colour('text'),
    muted: colour('muted'),
    accent: colour('accent'),
    onAccent: colour('on-accent'),
    lost: colour('lost'),
    good: colour('good'),
    warning: colour('warning'),
    flows: [0, 1, 2, 3, 4, 5, 6, 7].map((index) => colour(`flow-${String(index)}`)),
    font: computed.getPropertyValue('--pk-font').trim(),
    mono: computed.getPropertyValue('--pk-mono').trim(),
    fontSize: Number.parseFloat(computed.fontSize) || 14,
  }
  probe.remove()
  return theme
}

/**
 * Calls back when an element's theme may have changed: the system's scheme, or an attribute (`theme`, `class`, `style`, `data-theme`,
 * `projector`)
 * of the element or of anything around it.
 * @returns stops watching
 */
export function watchTheme(element: Element, changed: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)')
  const observer = new MutationObserver(changed)
  for (let node: Node | null = element; node !== null; node = node instanceof ShadowRoot ? node.host : node.parentNode) {
    if (node instanceof Element)
      observer.observe(node, { attributeFilter: ['theme', 'class', 'style', 'data-theme', 'projector'] })
  }
  scheme.addEventListener('change', changed)
  return () => {
    scheme.removeEventListener('change', changed)
    observer.disconnect()
  }
}
