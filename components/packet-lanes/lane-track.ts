import { html, svg, type TemplateResult } from 'lit'
import type { Growth, Hold, LaneGroup } from '../../src/trace/lanes-lane.ts'
import type { Nanos } from '../../src/trace/record.ts'
import { along, type Domain } from '../packet-waterfall/time-axis.ts'
import { isWhole, type LaneEntry } from './lane-entries.ts'

/** Units of a lane's drawing. */
const WIDTH = 1000
const HEIGHT = 100

/** What is delivered rises to here, so that what is held back shows above it however much has been delivered. */
const CEILING = 64

/** Ends of the scale of bytes, times powers of ten: close to each other, but so few that it seldom changes while bytes come. */
const FULL = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10]

/** What is little beside the other streams of its connection is drawn low, of which this share counts as much. */
const LEAST_SHARE = 0.25

/** Bytes of the stream that most came of. */
function largestOf({ lanes }: LaneGroup): number {
  return lanes.reduce((largest, { arrived }) => Math.max(largest, arrived.total), 0)
}

function fullScale(bytes: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, bytes)))
  return power * (FULL.find((factor) => power * factor >= bytes) ?? 10)
}

/** Steps of a growth as a path, up to a time; several within a pixel's width are one. */
function steps({ times, totals }: Growth, domain: Domain, full: number, end: Nanos): string {
  let path = ''
  let last = -1
  let level = ''
  for (let index = 0; index < times.length; index++) {
    const x = Math.round(along(domain, times[index]) * WIDTH * 2) / 2
    if (x > WIDTH) break
    const y = `V${(HEIGHT - (totals[index] / full) * CEILING).toFixed(1)}`
    if (x !== last) path += path === '' ? `M${String(x)} ${String(HEIGHT)}` : `${level}H${String(x)}`
    level = y
    last = x
  }
  return path === '' ? '' : `${path}${level}H${String(along(domain, end) * WIDTH)}`
}

/** The CSS class of a wait: that of the waterfall's for the same. */
export function holdKind({ cause }: Hold): 'blocked' | 'repairing' {
  return cause === 'own' ? 'repairing' : 'blocked'
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`
}

/**
 * What came of a lane and what was delivered, as two lines that rise; behind them, hatched, the times in which something was held back.
 * @param chosen which of its waits is looked at
 */
export function laneTrack(
  { group, lane }: LaneEntry,
  position: number,
  domain: Domain,
  chosen: number | undefined,
  colour: string,
): TemplateResult {
  const full = fullScale(Math.max(lane.arrived.total, isWhole({ lane }) ? 0 : largestOf(group) * LEAST_SHARE))
  const arrived = steps(lane.arrived, domain, full, domain.to)
  const delivered = steps(lane.delivered, domain, full, domain.to)
  return html`<div class="bar" data-lane=${position} .style=${`top:calc(var(--row) * ${String(position)});--flow:${colour}`}>
    ${group.holds(lane).map((hold, index) => {
      const left = along(domain, hold.from)
      const width = Math.min(1, along(domain, hold.to)) - left
      return html`<i
        class="span ${holdKind(hold)} ${index === chosen ? 'chosen' : ''}"
        data-hold=${index}
        .style=${`left:${percent(left)};width:${percent(width)}`}
      ></i>`
    })}
    <svg viewBox="0 0 1000 100" preserveAspectRatio="none">
      ${delivered === '' ? '' : svg`<path class="delivered" d="${delivered}V${String(HEIGHT)}Z"></path>`}
      ${arrived === '' ? '' : svg`<path class="arrived" d=${arrived}></path>`}
    </svg>
  </div>`
}
