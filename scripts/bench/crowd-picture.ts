/** What a crowd costs by its size, beside what n log n would: as SVG. */

interface CrowdCost {
  readonly clients: number
  /** Of the processor, for the whole run. */
  readonly seconds: number
}

const [WIDTH, HEIGHT] = [560, 340]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 20, 46, 52]

const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.title{font-size:13px;font-weight:600}.grid{stroke:#d8dce1}
.cost{stroke:#0a5cb8;fill:none;stroke-width:2}.dot{fill:#0a5cb8}.bound{stroke:#c4560f;fill:none;stroke-width:2;stroke-dasharray:6 4}.boundText{fill:#a8480a}.costText{fill:#0a5cb8}
@media(prefers-color-scheme:dark){text{fill:#e6e8eb}.quiet{fill:#a3abb4}.grid{stroke:#3a3f46}.cost{stroke:#5aa7f5}.dot{fill:#5aa7f5}.bound{stroke:#ef8a45}.boundText{fill:#ef8a45}.costText{fill:#5aa7f5}}`

const px = (value: number): string => String(Number(value.toFixed(1)))

function text(x: number, y: number, words: string, style = '', anchor = 'start'): string {
  return `<text x="${px(x)}" y="${px(y)}" class="${style}" text-anchor="${anchor}">${words}</text>`
}

/** Powers of ten from at or below the least to at or above the most. */
function decades(least: number, most: number): number[] {
  const from = Math.floor(Math.log10(least))
  const to = Math.ceil(Math.log10(most))
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
}

/**
 * Both axes are logarithmic; n log n goes through the first point, so whatever stays at or below it grows no faster.
 * @param conditions under which it was measured, for people
 */
export function drawCrowdCost(costs: readonly CrowdCost[], conditions: string): string {
  const [first] = costs
  if (first === undefined) throw new RangeError('nothing was measured')
  const bound = costs.map(({ clients }) => ({
    clients,
    seconds: (first.seconds * clients * Math.log(clients)) / (first.clients * Math.log(first.clients)),
  }))
  const sizes = decades(first.clients, Math.max(...costs.map(({ clients }) => clients)))
  const times = decades(first.seconds, Math.max(...[...costs, ...bound].map(({ seconds }) => seconds)))
  const scale = (value: number, marks: readonly number[], from: number, to: number): number => {
    const least = Math.min(...marks)
    const most = Math.max(...marks)
    return from + ((to - from) * Math.log(value / least)) / Math.log(most / least)
  }
  const x = (clients: number): number => scale(clients, sizes, LEFT, WIDTH - RIGHT)
  const y = (seconds: number): number => scale(seconds, times, HEIGHT - BOTTOM, TOP)
  const path = (points: readonly CrowdCost[]): string =>
    points.map(({ clients, seconds }) => `${px(x(clients))},${px(y(seconds))}`).join(' ')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" width="${String(WIDTH)}" height="${String(HEIGHT)}">`,
    `<style>${STYLE}</style>`,
    text(LEFT, 18, 'Simulating a crowd of clients that chat and come back', 'title'),
    text(LEFT, 36, 'seconds of the processor, inline, by the number of clients', 'quiet'),
    ...times.map(
      (time) => `<line class="grid" x1="${px(LEFT)}" x2="${px(WIDTH - RIGHT)}" y1="${px(y(time))}" y2="${px(y(time))}"/>`,
    ),
    ...times.map((time) => text(LEFT - 8, y(time) + 4, String(Number(time.toPrecision(1))), 'quiet', 'end')),
    ...sizes.map(
      (size) => `<line class="grid" x1="${px(x(size))}" x2="${px(x(size))}" y1="${px(TOP)}" y2="${px(HEIGHT - BOTTOM)}"/>`,
    ),
    ...sizes.map((size) => text(x(size), HEIGHT - BOTTOM + 18, size.toLocaleString('en'), 'quiet', 'middle')),
    `<polyline class="bound" points="${path(bound)}"/>`,
    `<polyline class="cost" points="${path(costs)}"/>`,
    ...costs.map(({ clients, seconds }) => `<circle class="dot" cx="${px(x(clients))}" cy="${px(y(seconds))}" r="4"/>`),
    text(LEFT, HEIGHT - 10, '●  measured', 'costText'),
    text(LEFT + 110, HEIGHT - 10, '– –  n log n from the first', 'boundText'),
    text(WIDTH - RIGHT, HEIGHT - 10, conditions, 'quiet', 'end'),
    '</svg>',
    '',
  ].join('\n')
}
