/** Text as it may stand in HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Where the pages of the gallery find what they share. */
export interface Site {
  /** From the page to the folder with `packetarium.js` and `site.css`: `'./'` or `'../'`. */
  readonly root: string
}

const WORDMARK = `<svg viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2"
  stroke-linecap="round"><circle cx="6" cy="16" r="3.5"/><circle cx="26" cy="16" r="3.5"/><path d="M9.5 16H12M20 16h2.5"/><rect
  x="12" y="13" width="8" height="6" rx="1.8" fill="currentColor" stroke="none"/></svg>`

/**
 * The frame of every page.
 * @param main HTML of the page itself
 */
export function page(site: Site, title: string, description: string, main: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(title)}</title>
    <meta name="description" content="${escapeHtml(description)}">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="${site.root}icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${site.root}site.css">
    <script type="module" src="${site.root}packetarium.js"></script>
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header class="masthead">
      <a class="wordmark" href="${site.root}">${WORDMARK}Packetarium</a>
      <nav aria-label="Site"><a href="${site.root}#scenarios">Scenarios</a></nav>
    </header>
    <main id="main">
${main}
    </main>
    <footer class="foot">
      <span>Every dot is an Ethernet frame that exists, byte for byte. Download the capture and look.</span>
    </footer>
  </body>
</html>
`
}

/** The icon of the site, `icon.svg`. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <style>
    g { color: #0b5cad }
    @media (prefers-color-scheme: dark) { g { color: #6db0ff } }
  </style>
  <g fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round">
    <circle cx="5.5" cy="16" r="4" /><circle cx="26.5" cy="16" r="4" />
    <rect x="12" y="12" width="8" height="8" rx="2" fill="currentColor" stroke="none" />
  </g>
</svg>
`
