import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import type { ResolvedScenario } from '../../src/scenario/resolved.ts'

const WIDTH = 640
const HEIGHT = 360
const TOP = 74
const BOTTOM = 330
/** So many frames of a run are drawn; more would be a blur on a card. */
const FRAMES = 16

const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`)

/** When a frame left, and when it arrived or was lost. */
const spanOf = ({ sent, arrives, fate, fateAt }: FrameRecord) => ({ from: sent, to: fate === 'arrived' ? arrives : fateAt })

/** Vertical places of points in time: in order, with no silence beyond its share, and no burst so short that its lines would be one. */
function timeScale(times: readonly number[]): (time: number) => number {
  const sorted = [...new Set(times)].sort((a, b) => a - b)
  const gaps = sorted.map((time, index) => (index === 0 ? 0 : time - sorted[index - 1]))
  const longest = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length * 0.85)]
  let sum = 0
  const places = new Map(
    sorted.map((time, index) => [time, (sum += index === 0 ? 0 : Math.min(Math.max(gaps[index], longest / 4), longest))]),
  )
  return (time) => Math.round(TOP + 14 + ((places.get(time) ?? 0) / Math.max(sum, 1)) * (BOTTOM - TOP - 28))
}

/** How a run begins, as an SVG for its card: a line down for each host, a slanted one for each frame, a cross where one was lost. */
export function drawThumbnail({ hosts }: ResolvedScenario, trace: TraceView): string {
  const columns = hosts.map((_, index) => index).sort((a, b) => hosts[a].position.x - hosts[b].position.x || a - b)
  const x = (host: number) => Math.round(WIDTH * ((columns.indexOf(host) + 0.5) / hosts.length))
  const frames = [...trace.frames(({ fate, sent, fateAt }) => fate !== 'queued' && fate !== 'in-flight' && sent <= fateAt)].slice(
    0,
    FRAMES,
  )
  const y = timeScale(frames.flatMap((frame) => Object.values(spanOf(frame))))

  const lines = frames.map((frame) => {
    const { from, to } = spanOf(frame)
    const arrived = frame.fate === 'arrived'
    const end = arrived ? x(frame.to) : Math.round((x(frame.from) + x(frame.to)) / 2)
    const shape = frame.kind === 'tcp-data' || frame.kind === 'udp' ? 'data' : 'word'
    const line = `<path class="${shape}" d="M${x(frame.from)} ${y(from)}L${end} ${y(to)}" />`
    return arrived ? line : `${line}<path class="loss" d="M${end - 8} ${y(to) - 8}l16 16m0 -16l-16 16" />`
  })
  const rails = hosts.map(
    ({ label }, host) =>
      `<path class="rail" d="M${x(host)} ${TOP}V${BOTTOM}" /><text x="${x(host)}" y="48">${escapeXml(label)}</text>`,
  )
  const size = hosts.length > 3 ? 20 : 24
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}">
  <style>
    .paper { fill: #f3f1ec }
    path { fill: none; stroke-linecap: round }
    .rail { stroke: #b9b3a6; stroke-width: 3 }
    .data { stroke: #0b5cad; stroke-width: 4 }
    .word { stroke: #7a8290; stroke-width: 2.5 }
    .loss { stroke: #b3261e; stroke-width: 5 }
    text { fill: #1d1f23; font: 500 ${size}px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; text-anchor: middle }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #1a1e25 }
      .rail { stroke: #47505d }
      .data { stroke: #6db0ff }
      .word { stroke: #8a93a1 }
      .loss { stroke: #ff8a80 }
      text { fill: #e6e8ec }
    }
  </style>
  <rect class="paper" width="${WIDTH}" height="${HEIGHT}" />
  ${[...rails, ...lines].join('\n  ')}
</svg>
`
}
