/** How long pages take over versions of HTTP, by page, loss and round-trip time: as SVG whose bytes depend on nothing but the medians. */

/** Median of one way to load one page over one kind of line. */
export interface PageLoad {
  readonly page: string
  readonly protocol: string
  /** There and back, in milliseconds. */
  readonly roundTrip: number
  /** In per cent. */
  readonly loss: number
  /** In milliseconds. */
  readonly median: number
}

const PROTOCOLS = [
  { name: 'http/1.1', label: 'HTTP/1.1, six connections', style: 'h1' },
  { name: 'h2', label: 'HTTP/2', style: 'h2' },
  { name: 'h3', label: 'HTTP/3', style: 'h3' },
] as const

/** Pages of the scenario by their names there, in the order in which they are shown. */
const PAGES: Readonly<Record<string, string>> = {
  tiny: 'Four small files, 30 kB',
  pictures: 'Eight pictures, 164 kB',
  'wikipedia-like': 'An encyclopedia’s article, 0.6 MB',
}

/** Who is faster by less is not called faster. */
const CLEARLY = 0.03

/** Sizes of one page's panel, in px. */
const [SIDE, CELL, ROW, HEAD, BAR] = [34, 98, 46, 40, 12]
/** Longest bar; its number stands behind it. */
const LONGEST = 50
const GAP = 18
const LEGEND = 44

const STYLE = `text{font:10.5px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.title{font-size:12px;font-weight:600}.best{font-weight:700}
.h1{fill:#4f7d1f}.h2{fill:#c4560f}.h3{fill:#0a5cb8}.cell{fill:#f3f4f6}.tint{fill-opacity:.2}
@media(prefers-color-scheme:dark){text{fill:#e6e8eb}.quiet{fill:#a3abb4}.h1{fill:#93c255}.h2{fill:#ef8a45}.h3{fill:#5aa7f5}.cell{fill:#26292e}.tint{fill-opacity:.26}}`

const px = (value: number): string => String(Number(value.toFixed(1)))
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

function text(x: number, y: number, words: string, style = '', anchor = ''): string {
  const attributes = `${style === '' ? '' : ` class="${style}"`}${anchor === '' ? '' : ` text-anchor="${anchor}"`}`
  return `<text x="${px(x)}" y="${px(y)}"${attributes}>${escaped(words)}</text>`
}

/** Two digits are enough to compare by. */
function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`
}

/** The fastest, and all that are hardly slower; then by how much the others are is left to the bars. */
function fastest(loads: readonly PageLoad[]): readonly PageLoad[] {
  const best = Math.min(...loads.map(({ median }) => median))
  return loads.filter(({ median }) => median <= best * (1 + CLEARLY))
}

function drawCell(loads: readonly PageLoad[], x: number, y: number): string[] {
  const best = fastest(loads)
  const slowest = Math.max(...loads.map(({ median }) => median))
  const only = best.length === 1 ? PROTOCOLS.find(({ name }) => name === best[0]?.protocol) : undefined
  const lines = [
    `<rect class="${only === undefined ? 'cell' : `${only.style} tint`}" x="${px(x)}" y="${px(y)}" width="${px(CELL - 4)}" height="${px(ROW - 4)}" rx="3"/>`,
  ]
  PROTOCOLS.forEach(({ name, style }, index) => {
    const load = loads.find(({ protocol }) => protocol === name)
    if (load === undefined) return
    const top = y + 3 + index * BAR
    const length = (load.median / slowest) * LONGEST
    lines.push(`<rect class="${style}" x="${px(x + 3)}" y="${px(top + 2)}" width="${px(length)}" height="${px(BAR - 4)}"/>`)
    lines.push(text(x + 6 + length, top + 9.5, seconds(load.median), best.includes(load) ? 'best' : 'quiet'))
  })
  return lines
}

function drawPanel(title: string, loads: readonly PageLoad[], x: number, y: number): string[] {
  const trips = [...new Set(loads.map(({ roundTrip }) => roundTrip))]
  const losses = [...new Set(loads.map(({ loss }) => loss))]
  const lines = [text(x, y + 12, title, 'title')]
  trips.forEach((trip, column) => {
    lines.push(text(x + SIDE + column * CELL, y + 30, `${column === 0 ? 'round trip ' : ''}${String(trip)} ms`, 'quiet'))
  })
  losses.forEach((loss, row) => {
    const top = y + HEAD + row * ROW
    lines.push(text(x + SIDE - 6, top + 25, `${String(loss)} %`, 'quiet', 'end'))
    trips.forEach((trip, column) => {
      const here = loads.filter((load) => load.loss === loss && load.roundTrip === trip)
      lines.push(...drawCell(here, x + SIDE + column * CELL, top))
    })
  })
  return lines
}

/**
 * Medians of a table that `packetarium sweep` wrote.
 * @throws RangeError when a run is missing in it: a page that was not there in time has no place in a median
 */
export function readPageLoads(csv: string): PageLoad[] {
  const [head = '', ...rows] = csv.trim().split('\n')
  const names = head.split(',')
  return rows.map((row) => {
    const cells = row.split(',')
    const cell = (name: string): string => cells[names.indexOf(name)] ?? ''
    if (cell('missing') !== '0') throw new RangeError(`not all pages were loaded: ${row}`)
    return {
      page: cell('page'),
      protocol: cell('protocol'),
      roundTrip: 2 * Number.parseFloat(cell('delay')),
      loss: Number.parseFloat(cell('loss')),
      median: Number(cell('median')) / 1e6,
    }
  })
}

/** @param columns how many pages stand side by side */
export function drawPageLoads(loads: readonly PageLoad[], columns: number): string {
  const pages = Object.entries(PAGES).filter(([page]) => loads.some((load) => load.page === page))
  const trips = new Set(loads.map(({ roundTrip }) => roundTrip)).size
  const losses = new Set(loads.map(({ loss }) => loss)).size
  const [wide, high] = [SIDE + trips * CELL, HEAD + losses * ROW]
  const width = columns * wide + (columns - 1) * GAP
  const rows = Math.ceil(pages.length / columns)
  const height = LEGEND + rows * high + (rows - 1) * GAP
  let at = 0
  const legend = PROTOCOLS.flatMap(({ label, style }) => {
    const lines = [`<rect class="${style}" x="${px(at)}" y="4" width="10" height="8"/>`, text(at + 14, 12, label)]
    at += 26 + label.length * 5.6
    return lines
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}">`,
    `<style>${STYLE}</style>`,
    ...legend,
    text(0, 30, `Rows: packets lost. Bold: the fastest, or within ${String(CLEARLY * 100)} % of it.`, 'quiet'),
    ...pages.flatMap(([page, title], index) => {
      const left = (index % columns) * (wide + GAP)
      const top = LEGEND + Math.floor(index / columns) * (high + GAP)
      return drawPanel(
        title,
        loads.filter((load) => load.page === page),
        left,
        top,
      )
    }),
    '</svg>',
    '',
  ].join('\n')
}
