import type { TraceView } from '../../src/trace/record.ts'
import { upperBound } from '../packet-events/event-rows.ts'
import { isLost } from '../trace-marks.ts'
import { eventWords, frameWords, lossWords } from '../wording.ts'

/** How far back a frame may have been sent that arrives now, in frames. */
const REACH = 400
/** More than this at one time is summed up. */
const MOST = 3

/** What happened at exactly this time, in words: what a step of the playhead shows, for those who do not see it. */
export function happenedAt(trace: TraceView, time: number): string {
  const told: string[] = []
  const { events, hosts } = trace
  for (
    let index = upperBound(events.length, (at) => events[at].time, time) - 1;
    index >= 0 && events[index].time === time;
    index--
  ) {
    const event = events[index]
    told.unshift(`${event.host < 0 ? 'You' : hosts[event.host]}: ${eventWords(event)}`)
  }
  for (let number = trace.frameCount; number >= Math.max(trace.firstKept, trace.frameCount - REACH); number--) {
    const frame = trace.frame(number)
    if (frame === undefined) continue
    if (frame.enqueued === time) told.unshift(`Packet ${String(number)} sent: ${frameWords(frame, trace)}`)
    else if (frame.fateAt === time && isLost(frame.fate))
      told.unshift(`Packet ${String(number)} lost: ${lossWords(frame, hosts) ?? ''}`)
    else if (frame.fateAt === time) told.unshift(`Packet ${String(number)} arrived at ${hosts[frame.to]}`)
  }
  const rest = told.length - MOST
  return rest > 0 ? `${told.slice(0, MOST).join('. ')}, and ${String(rest)} more` : told.join('. ')
}
