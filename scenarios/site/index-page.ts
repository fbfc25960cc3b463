import { escapeHtml, page, type Site } from './page.ts'

/** A scenario in the list. */
export interface Card {
  readonly title: string
  /** One sentence. */
  readonly summary: string
  /** Of its page, relative to the index. */
  readonly href: string
  /** Of its picture, relative to the index. */
  readonly thumbnail: string
}

const TAGLINE =
  'Real packets, simulated time. Play a download, click a packet to destroy it, and see how the protocol recovers. Every run can be replayed exactly, and opened in Wireshark.'

const EMBED = `<script type="module" src="packetarium.js"></script>

<packet-playground scenario="tcp-handshake">
</packet-playground>`

function card({ title, summary, href, thumbnail }: Card): string {
  return `          <li>
            <article class="card">
              <img src="${escapeHtml(thumbnail)}" alt="" width="640" height="360" loading="lazy">
              <h3><a href="${escapeHtml(href)}">${escapeHtml(title)}</a></h3>
              <p>${escapeHtml(summary)}</p>
            </article>
          </li>`
}

/**
 * The front page: what this is, one playground that works at once, and all scenarios.
 * @param hero id of the scenario at the top; none when absent
 */
export function indexPage(site: Site, cards: readonly Card[], hero?: string): string {
  const playground =
    hero === undefined
      ? ''
      : `      <div class="broad stage"><packet-playground scenario="${escapeHtml(hero)}"></packet-playground></div>\n`
  return page(
    site,
    'Packetarium: a network you can watch and break',
    TAGLINE,
    `      <div class="broad">
        <h1>A network you can watch and&nbsp;break</h1>
        <p class="standfirst">${escapeHtml(TAGLINE)}</p>
      </div>
${playground}      <section class="broad" aria-labelledby="scenarios">
        <h2 class="section-title" id="scenarios">Scenarios</h2>
        <ul class="cards">
${cards.map(card).join('\n')}
        </ul>
      </section>
      <section class="broad" aria-labelledby="embed">
        <h2 class="section-title" id="embed">In your own page</h2>
        <div class="embed">
          <p>One tag and no server. It works from static files, several to a page, and loads its engine when a reader comes near.</p>
          <pre><code>${escapeHtml(EMBED)}</code></pre>
        </div>
      </section>`,
  )
}
