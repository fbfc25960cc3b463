import { html, nothing, svg, type TemplateResult } from 'lit'
import { property, state } from 'lit/decorators.js'
import type { Run } from '../../src/run/run.ts'
import { KeyHistory, type PlacedKey } from '../../src/trace/measures/key-history.ts'
import { controls } from '../controls.styles.ts'
import { figures } from '../figures.styles.ts'
import { formatDuration, formatQuantity } from '../format.ts'
import { RunElement, type RunEvent } from '../run-element.ts'
import { tokens } from '../theme.ts'
import { ringStyles } from './packet-ring.styles.ts'
import { dotsOf, piecesOf, placeOf, RING, serverPlace } from './ring-paths.ts'

/** How long a request is on its way from its key to its server in the drawing, in seconds of watching. */
const TRAVEL = 0.7

/** What is drawn of one server, and told of it in the table. */
interface ServerRow {
  readonly name: string
  /** Among the servers by name: for its colour, and its place in the drawing. */
  readonly order: number
  readonly share: number | undefined
  readonly isOut: boolean
  /** Keys it was asked for last, by what is known of them: since the latest change of servers, before it, moved since. */
  readonly fresh: PlacedKey[]
  readonly stale: PlacedKey[]
  readonly moved: PlacedKey[]
  left: number
}

/** What only changes with the events before the playhead. */
interface Picture {
  readonly rows: readonly ServerRow[]
  /** By index of the history's servers. */
  readonly rowOf: readonly ServerRow[]
  readonly pieces: readonly string[]
}

const NO_RING: Readonly<Record<string, string>> = {
  modulo: 'By modulo there is no ring: what is left of the hash, divided by how many servers there are, says which one.',
  maglev: 'Maglev has no ring: the hash says which entry of a long table to read, and there stands the server.',
}

/**
 * Keys and servers of a load balancer that hashes. Each key stands on a circle at its hash, in the colour of the server that it was sent
 * to; round it are the pieces of the ring that belong to each server, where the strategy has one (`balancer:ring-built`). Requests of the
 * moment go from their key to its server, at the playhead. A list says how many keys moved when servers came and went, and the table
 * below tells what the drawing shows: shares of the ring, keys, and who got them from whom. A server that is chosen there stands out.
 *
 * @csspart title - Whose ring it is, and by which strategy.
 * @csspart ring - The drawing.
 * @csspart table - Servers with their shares and keys at the playhead.
 * @csspart changes - When servers came or went, and how many keys moved.
 */
export class PacketRing extends RunElement {
  static override styles = [tokens, controls, figures, ringStyles]

  /** Index of the balancer in the scenario's hosts; its first load balancer when below 0. */
  @property({ type: Number }) host = -1

  @state() private chosen: string | undefined

  protected override readonly follows: readonly RunEvent[] = ['change', 'time', 'trace', 'restart']

  #history: KeyHistory | undefined
  #picture: Picture | undefined
  #drawnAt = -1
  readonly #stillness = matchMedia('(prefers-reduced-motion: reduce)')

  protected override runReplaced(): void {
    this.#history = undefined
  }

  protected override runFired(event: RunEvent): void {
    if (event === 'restart') this.#history = undefined
    if (this.clientWidth > 0 || event === 'change') this.requestUpdate()
  }

  protected override selectionChanged(): void {
    // No key and no server of a ring is a target of the stage.
  }

  get #shown(): number {
    const { run, host } = this
    if (host >= 0 || run === undefined) return host
    return run.scenario.hosts.findIndex(({ apps }) => apps.some(({ app }) => app === 'load-balancer'))
  }

  protected override render(): TemplateResult | typeof nothing {
    const { run } = this
    const host = this.#shown
    const balancer = run?.scenario.hosts.at(host)
    if (run === undefined || host < 0 || balancer === undefined) return nothing
    if (this.#history?.host !== host) {
      this.#history = new KeyHistory(host)
      this.#drawnAt = -1
    }
    const history = this.#history
    history.update(run.trace)
    history.goTo(run.playhead)
    // Names that come up later have a place in the drawing, too.
    const version = history.next + history.servers.length / 1000
    if (this.#picture === undefined || version !== this.#drawnAt) this.#picture = pictureOf(history)
    this.#drawnAt = version
    const { strategy } = history
    return html`<section class="ring" aria-label="Keys of ${balancer.label}">
      <h4 part="title">${balancer.label}${strategy === '' ? nothing : html` <small>${strategy}</small>`}</h4>
      ${this.#drawing(run, history, this.#picture)}
      <div class="told">
        ${this.#table(history, this.#picture)} ${strategy in NO_RING ? html`<p class="hint">${NO_RING[strategy]}</p>` : nothing}
        ${this.#changes(run, history)}
      </div>
    </section>`
  }

  #drawing(run: Run, history: KeyHistory, { rows, rowOf, pieces }: Picture): TemplateResult {
    const { chosen } = this
    const span = TRAVEL * run.scenario.speed * 1e9
    const picks = history.picksSince(run.playhead - span)
    const faint = (name: string): string => (chosen === undefined || chosen === name ? '' : 'faint')
    return html`<svg part="ring" viewBox="-120 -120 240 240" role="img" aria-label=${drawingWords(history, rows)}>
      <circle class="track" r=${RING} />
      ${rowOf.map(
        ({ name, order }, index) => svg`<path class="piece ${faint(name)}" .style=${colourOf(order)} d=${pieces[index]} />`,
      )}
      ${rows.map(
        ({ name, order, fresh, stale, moved }) =>
          svg`<g class=${faint(name)} .style=${colourOf(order)}>
            <path class="key stale" d=${dotsOf(stale)} />
            <path class="key" d=${dotsOf(fresh)} />
            <path class="key halo" d=${dotsOf(moved)} />
            <path class="key big" d=${dotsOf(moved)} />
          </g>`,
      )}
      ${picks.map(({ time, hash, server }) => {
        const { order, name } = rowOf[server]
        const from = placeOf(hash)
        const to = serverPlace(order, rows.length)
        const part = this.#stillness.matches ? 1 : (run.playhead - time) / span
        const [x, y] = [from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part]
        return svg`<g class="pick ${faint(name)}" .style=${colourOf(order)}>
          <line x1=${from.x.toFixed(1)} y1=${from.y.toFixed(1)} x2=${x.toFixed(1)} y2=${y.toFixed(1)} />
          <circle cx=${x.toFixed(1)} cy=${y.toFixed(1)} r="2.6" />
        </g>`
      })}
      ${rows.map(({ name, order, isOut }) => {
        const { x, y } = serverPlace(order, rows.length)
        const size = Math.min(10, 34 / Math.max(1, name.length))
        return svg`<g class="server ${isOut ? 'out' : ''} ${faint(name)}" .style=${colourOf(order)}>
          <circle cx=${x.toFixed(1)} cy=${y.toFixed(1)} r="12" />
          <text x=${x.toFixed(1)} y=${y.toFixed(1)} font-size=${size.toFixed(1)}>${name}</text>
        </g>`
      })}
    </svg>`
  }

  #table(history: KeyHistory, { rows }: Picture): TemplateResult {
    if (rows.length === 0) return html`<p class="hint">Nothing has been asked for yet.</p>`
    const hasRing = history.ring !== undefined
    const hasChanged = history.changes.length > 0
    return html`<table part="table">
      <caption class="visually-hidden">
        Servers and their keys at the playhead
      </caption>
      <thead>
        <tr>
          <th scope="col">Server</th>
          ${hasRing ? html`<th scope="col">Of the ring</th>` : nothing}
          <th scope="col">Keys</th>
          ${
            hasChanged
              ? html`<th scope="col">Came</th>
                  <th scope="col">Left</th>`
              : nothing
          }
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => {
          const { name, order, share, isOut, fresh, stale, moved, left } = row
          const isChosen = this.chosen === name
          return html`<tr>
            <th scope="row">
              <button
                class="quiet"
                aria-pressed=${isChosen}
                @click=${() => {
                  this.chosen = isChosen ? undefined : name
                }}
              >
                <span class="dot" aria-hidden="true" .style=${colourOf(order)}></span>${name}
              </button>
              ${isOut ? html`<small>out</small>` : nothing}
            </th>
            ${hasRing ? html`<td>${share === undefined ? '–' : formatQuantity('fraction', Math.round(share * 1000) / 1000)}</td>` : nothing}
            <td>${fresh.length + stale.length + moved.length}</td>
            ${
              hasChanged
                ? html`<td>${moved.length}</td>
                    <td>${left}</td>`
                : nothing
            }
          </tr>`
        })}
      </tbody>
    </table>`
  }

  #changes(run: Run, { changes }: KeyHistory): TemplateResult | typeof nothing {
    if (changes.length === 0) return nothing
    return html`<ol part="changes">
      ${changes.map(
        ({ time, what, asked, moved }) =>
          html`<li>
            <button
              class="quiet"
              aria-label="Go to ${formatDuration(time)}"
              @click=${() => {
                run.pause()
                void run.seek(time)
              }}
            >
              ${formatDuration(Math.round(time / 1e7) * 1e7)}
            </button>
            <span>${what}: ${asked === 0 ? 'no key was asked for again yet' : movedWords(moved, asked)}</span>
          </li>`,
      )}
    </ol>`
  }
}

function movedWords(moved: number, asked: number): string {
  const share = formatQuantity('fraction', Math.round((moved / asked) * 1000) / 1000)
  return `${String(moved)} of ${String(asked)} keys moved, ${share}`
}

function drawingWords({ keys, ring, strategy }: KeyHistory, rows: readonly ServerRow[]): string {
  if (rows.length === 0) return 'An empty circle: nothing has been asked for yet'
  const pieces = ring === undefined ? `no ring, for the strategy is ${strategy}` : `a ring of ${String(ring.ends.length)} pieces`
  return `${String(keys.size)} keys on a circle, ${pieces}, ${String(rows.length)} servers; the table tells their shares`
}

const colourOf = (order: number): string => `color:var(--pk-flow-${String(1 + (order % 7))})`

function pictureOf(history: KeyHistory): Picture {
  const { servers, ring, out, keys, changes } = history
  const byName = [...servers].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const rowOf = servers.map((name, index): ServerRow => ({
    name,
    order: byName.indexOf(name),
    share: ring?.shares.at(index),
    isOut: out.has(index),
    fresh: [],
    stale: [],
    moved: [],
    left: 0,
  }))
  const since = changes.at(-1)?.time ?? 0
  for (const key of keys.values()) {
    const row = rowOf[key.server]
    if (key.at < since) row.stale.push(key)
    else if (key.before < 0 || key.before === key.server) row.fresh.push(key)
    else {
      row.moved.push(key)
      rowOf[key.before].left++
    }
  }
  return { rows: [...rowOf].sort((a, b) => a.order - b.order), rowOf, pieces: piecesOf(history) }
}
