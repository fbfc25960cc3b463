import { svg, type SVGTemplateResult } from 'lit'
import type { Hold, Lane, LaneGroup } from '../../src/trace/lanes-lane.ts'
import { NEVER, type FrameRecord, type Nanos, type TraceView } from '../../src/trace/record.ts'
import type { MissingRange } from '../../src/trace/stalls-episode.ts'
import { along, type Domain } from '../packet-waterfall/time-axis.ts'
import type { LaneEntry } from './lane-entries.ts'

/** Bytes that were missing, where they are drawn. */
interface Hole {
  readonly range: MissingRange
  /** When it was lost as far as that is known, else when it was missed. */
  readonly from: Nanos
  readonly isLost: boolean
  /** Position of a line that the bytes belong to: a stream's, or the connection's. */
  readonly owner: number
}

/** What is drawn across lanes: where bytes are missing, and who waits for them. */
export interface LinkView {
  readonly trace: TraceView
  readonly entries: readonly LaneEntry[]
  readonly first: number
  readonly last: number
  readonly domain: Domain
  readonly playhead: Nanos
  /** In px. */
  readonly width: number
  readonly rowHeight: number
  /** The line that is looked at, and which of its waits. */
  readonly active: string | undefined
  readonly chosen: number | undefined
}

/** Remembers which packets had carried what was missing: to find them is to look at many frames. */
export class Losses {
  readonly #known = new Map<string, readonly FrameRecord[]>()

  clear(): void {
    this.#known.clear()
  }

  of(trace: TraceView, group: LaneGroup, lane: Lane, range: MissingRange): readonly FrameRecord[] {
    const key = `${group.id} ${String(group.transport === 'quic' ? lane.stream : '')} ${String(range.from)} ${String(range.to)}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const { lost } = group.carriers(trace, lane, range, range.until)
    if (range.until !== NEVER) this.#known.set(key, lost)
    return lost
  }
}

/** How large a cross is, and how far arrows and dots reach, in px. */
const CROSS = 4
const DOT = 3

/**
 * Holes and arrows, in px of the whole list.
 */
export function laneLinks(view: LinkView, losses: Losses): SVGTemplateResult {
  const { entries, first, last, width, rowHeight, domain, playhead, active } = view
  const positions = new Map<Lane, number>()
  entries.forEach(({ lane }, index) => positions.set(lane, index))
  const holes = new Map<string, Hole>()
  const arrows: SVGTemplateResult[] = []
  const x = (time: Nanos): number => Math.min(1, along(domain, time)) * width
  const y = (position: number): number => (position + 0.5) * rowHeight
  entries.forEach((entry, position) => {
    const { group, lane } = entry
    const inView = position >= first && position < last
    group.holds(lane).forEach((hold, index) => {
      if (hold.from > playhead) return
      const isLooked = entry.id === active && (view.chosen === undefined || view.chosen === index)
      const lasts = playhead < hold.to
      if (!inView && !lasts) return
      for (const range of hold.missing) {
        for (const owner of ownersOf(group, lane, range, positions)) {
          const key = `${String(owner)} ${String(range.from)} ${String(range.to)}`
          const hole = holes.get(key) ?? holeOf(view, losses, entry, hold, range, owner)
          holes.set(key, hole)
          const isOthers = owner !== position && hold.cause !== 'own'
          if (isOthers && (isLooked || (lasts && range.until > playhead))) arrows.push(arrow(x(hold.from), y(position), y(owner)))
        }
      }
    })
  })
  const drawn = [...holes.values()].filter(({ owner }) => owner >= first && owner < last)
  const [top, height] = [0, entries.length * rowHeight]
  return svg`<svg class="links" viewBox="0 ${top} ${width} ${height}" width=${width} height=${height}>
    ${drawn.map(({ from, isLost, owner, range }) => {
      const [x1, x2, at] = [x(from), x(range.until), y(owner)]
      return svg`<path class="hole" d="M${x1.toFixed(1)} ${at}H${x2.toFixed(1)}"></path>
        ${isLost ? svg`<path class="cross" d=${crossAt(x1, at)}></path>` : ''}
        ${range.until === NEVER ? '' : svg`<circle class="came" cx=${x2.toFixed(1)} cy=${at} r=${DOT}></circle>`}`
    })}
    ${arrows}
  </svg>`
}

/** The lines whose bytes a range was: of TCP the connection's, too, when none of its streams is there. */
function ownersOf(
  group: LaneGroup,
  lane: Lane,
  { streams }: MissingRange,
  positions: ReadonlyMap<Lane, number>,
): readonly number[] {
  if (group.transport === 'quic') return [positions.get(lane) ?? -1].filter((at) => at >= 0)
  const owners = group.lanes.flatMap((each) => {
    const at = streams.includes(each.stream) ? positions.get(each) : undefined
    return at === undefined ? [] : [at]
  })
  const whole = positions.get(group.whole)
  return owners.length === 0 && whole !== undefined ? [whole] : owners
}

function holeOf(
  { trace, playhead }: LinkView,
  losses: Losses,
  { group, lane }: LaneEntry,
  hold: Hold,
  range: MissingRange,
  owner: number,
): Hole {
  const known = losses.of(trace, group, lane, range).filter(({ fateAt }) => fateAt <= playhead)
  const from = known.reduce((least, { fateAt }) => Math.min(least, fateAt), hold.from)
  return { range, from, isLost: known.length > 0, owner }
}

function crossAt(x: number, y: number): string {
  const [left, right, top, bottom] = [x - CROSS, x + CROSS, y - CROSS, y + CROSS].map((value) => value.toFixed(1))
  return `M${left} ${top}L${right} ${bottom}M${left} ${bottom}L${right} ${top}`
}

/** From what is held to what it waits for. */
function arrow(x: number, held: number, owner: number): SVGTemplateResult {
  const tip = owner + (held > owner ? CROSS + 2 : -CROSS - 2)
  const back = tip + (held > owner ? 6 : -6)
  const at = x.toFixed(1)
  return svg`<path class="link" d="M${at} ${held}V${tip}"></path>
    <circle class="link-end" cx=${at} cy=${held} r=${DOT}></circle>
    <path class="link-tip" d="M${(x - 4).toFixed(1)} ${back}L${at} ${tip}L${(x + 4).toFixed(1)} ${back}"></path>`
}
