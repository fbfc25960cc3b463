import { escapeHtml, page, type Site } from './page.ts'

export interface Neighbour {
  readonly title: string
  readonly href: string
}

/** A scenario's own page. */
export interface Article {
  /** Of the scenario. */
  readonly id: string
  readonly title: string
  /** One sentence. */
  readonly summary: string
  /** The article as HTML. An `<h1>` at its start replaces the title; a `<packet-playground>` in it, the one at the top. */
  readonly html: string
  readonly previous?: Neighbour | undefined
  readonly next?: Neighbour | undefined
}

/** A number, a space, and a unit, in text: these stay on one line. */
const QUANTITY = /(\d) (?=(?:[mµn]?s|[kM]?B|[KMG]iB|[kMG]bit\/s|%|bytes?)(?![\w/]))/g

/** The article with quantities that do not break. What stands in tags is left alone. */
function withWholeQuantities(html: string): string {
  return html.replace(/[^<>]+(?=<|$)/g, (text) => text.replace(QUANTITY, '$1\u00a0'))
}

/** The playground on top, the text below it. */
export function articlePage(site: Site, article: Article): string {
  const { id, summary, previous, next } = article
  const heading = /^\s*<h1[^>]*>([\s\S]*?)<\/h1>/.exec(article.html)
  const text = withWholeQuantities(heading === null ? article.html : article.html.slice(heading[0].length))
  const playground = text.includes('<packet-playground')
    ? ''
    : `        <div class="broad stage"><packet-playground scenario="${escapeHtml(id)}"></packet-playground></div>\n`
  const onward = (neighbour: Neighbour | undefined, name: string, words: string): string =>
    neighbour === undefined
      ? ''
      : `<a class="${name}" rel="${name}" href="${escapeHtml(neighbour.href)}"><small>${words}</small>${escapeHtml(neighbour.title)}</a>`
  const links = onward(previous, 'prev', 'Before') + onward(next, 'next', 'Next')
  return page(
    site,
    `${article.title} · Packetarium`,
    summary,
    `      <article>
        <div class="broad">
          <h1>${heading === null ? escapeHtml(article.title) : heading[1]}</h1>
          <p class="standfirst">${escapeHtml(summary)}</p>
        </div>
${playground}        <div class="broad article">
${text}
        </div>
      </article>
${links === '' ? '' : `      <nav class="onward" aria-label="Other scenarios">${links}</nav>`}`,
  )
}
